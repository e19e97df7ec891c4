"""Which course a simulated robot stands on, and what happens to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from parkour.arguments import number_within
from parkour_mujoco.fake_go2.faults import Fault
from parkour_mujoco.fake_go2.operator import Script

LONGEST = 3600.0


@dataclass(frozen=True)
class FakeOptions:
    """What is simulated."""

    terrain: str = "flat"
    difficulty: float = 0.5
    seed: int = 1
    friction: float = 1.0
    """Sliding friction of the robot's shapes."""
    seconds: float = 30.0
    """How long it lasts on the robot's clock [s]."""
    script: Script = field(default_factory=Script)
    fault: Fault | None = None
    hang: bool = False
    """Whether it hangs in the air, as a robot does before its first step."""
    sport_mode: bool = False
    """Whether the robot's own controller runs at first."""
    stubborn: bool = False
    """Whether that controller cannot be let go of."""

    def check(self) -> None:
        """Raises ParkourError where a number makes no sense."""
        for name, value, low, high in (
            ("--difficulty", self.difficulty, 0.0, 1.0),
            ("--seed", self.seed, 0, 2**32 - 1),
            ("--friction", self.friction, 0.01, 10.0),
            ("--seconds", self.seconds, 0.1, LONGEST),
            ("--policy-at", self.script.policy, 0.0, LONGEST),
            ("--sit-at", 0.0 if self.script.sit is None else self.script.sit, 0.0, LONGEST),
            ("--turn", self.script.turn, -1.0, 1.0),
        ):
            number_within(name, value, low, high)
