"""What the operator of a simulated robot does with the remote, by the clock."""

from __future__ import annotations

from dataclasses import dataclass

from parkour_deploy.remote import Remote

PRESS = 0.2
"""How long a key is pressed [s]."""


@dataclass(frozen=True)
class Script:
    """Times on the robot's clock [s]."""

    stand: float = 0.5
    """L2+A."""
    policy: float = 4.0
    """Start, with L1 held from then on."""
    sit: float | None = None
    """L2+X."""
    turn: float = 0.0
    """Of the right stick while the policy runs, from -1 to 1."""

    def remote(self, seconds: float) -> Remote:
        """What is pressed."""
        keys: set[str] = set()
        if self.stand <= seconds < self.stand + PRESS:
            keys |= {"L2", "A"}
        if seconds >= self.policy:
            keys.add("L1")
            if seconds < self.policy + PRESS:
                keys.add("start")
        if self.sit is not None and self.sit <= seconds < self.sit + PRESS:
            keys |= {"L2", "X"}
        walking = seconds >= self.policy and (self.sit is None or seconds < self.sit)
        return Remote(frozenset(keys), right_x=self.turn if walking else 0.0)
