"""Watching and driving a policy, apart from any simulator: the session, its controls, what is shown, and films."""
