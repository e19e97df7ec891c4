"""The built-in domain randomization."""
