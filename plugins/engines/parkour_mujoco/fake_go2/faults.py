"""What can go wrong with a robot, on request: ``--fault KIND@SECONDS``."""

from __future__ import annotations

from dataclasses import dataclass

from parkour.errors import ParkourError

KINDS = {
    "stale": "no states for 0.3 s",
    "crc": "states with a wrong checksum",
    "nan": "a joint position that is not a number",
    "tilt": "a shove that turns it over",
    "torque": "a motor that estimates too much torque",
    "speed": "a joint that reads too fast",
    "joint": "a joint that reads outside its range",
    "hot": "a motor at 95 °C",
    "battery": "a battery at 20 V",
    "depth": "no more depth pictures",
    "remote": "the operator lets go of L1",
    "stop": "the operator presses B",
    "writer": "somebody else writes rt/lowcmd",
}
"""Kinds and what they do."""
SILENCE = 0.3
"""How long ``stale`` lasts [s]."""


@dataclass(frozen=True)
class Fault:
    """A kind, and the robot's time from which on it lasts [s]."""

    kind: str
    at: float

    def active(self, seconds: float) -> bool:
        """Whether it has begun."""
        return seconds >= self.at


def parse_fault(text: str) -> Fault:
    """A fault as it is written.

    Raises:
        ParkourError: it is written otherwise, or of no known kind.
    """
    kind, at, when = text.partition("@")
    try:
        seconds = float(when)
    except ValueError:
        seconds = -1.0
    if kind not in KINDS or not at or not 0.0 <= seconds < 1e6:
        raise ParkourError(
            f"--fault: got {text!r}, expected KIND@SECONDS with a kind of {', '.join(KINDS)}", hint="--fault tilt@6"
        )
    return Fault(kind, seconds)
