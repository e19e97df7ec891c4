"""What an engine measures in each control step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from parkour.mdp.context import RobotState


@dataclass(slots=True)
class Measurement:
    """What an engine's accessor reads from the simulator."""

    robot: RobotState
    foot_force: Tensor
    """``[N, F, 3]`` net contact force on each foot [N]."""
    body_force: Tensor
    """``[N, B, 3]`` net contact force on each watched body [N]."""
