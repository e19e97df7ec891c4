"""What goes on in a session, in words."""

from __future__ import annotations

from parkour.viewing.session import Session
from parkour.viewing.snapshot import Snapshot


def status_lines(session: Session, snapshot: Snapshot) -> list[str]:
    """The first line begins with the terrain's name."""
    ended = ", ".join(f"{count} {how}" for how, count in session.episodes.items() if count) or "0 episodes"
    state = "paused" if session.paused else f"running at {session.pace:g} x"
    lines = [
        f"{snapshot.course}, {state}",
        f"robot {snapshot.env_id + 1} of {session.mdp.num_envs}, {snapshot.seconds:.1f} s, step {session.steps}",
        f"way points {min(snapshot.goal_index, len(snapshot.goals))} of {len(snapshot.goals)}",
        f"speed {session.mean_speed:.2f} of {snapshot.command:.2f} m/s (mean of a second)",
        f"ended: {ended}",
    ]
    if session.settings is not None:
        policies = session.settings.policies
        lines.insert(1, f"policy: {policies.running}")
        if policies.trouble:
            lines.insert(2, f"not taken up: {policies.trouble}")
    if session.driver is not None:
        lines.insert(1, "way points lead (autopilot)" if session.driver.autopilot else "steered by hand")
    return lines
