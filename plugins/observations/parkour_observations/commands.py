"""What the robot is told besides its forward speed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.errors import TaskError
from parkour.mdp.context import StepContext
from parkour.mdp.mirror import SIDED_COMMANDS, Mirror, Sides, opposite
from parkour.mdp.robot import RobotLayout
from parkour.specs import ObservationField


class Commands:
    """Group ``commands``: one number for each command term of the task that is named."""

    def __init__(
        self, num_envs: int, device: str | torch.device, layout: RobotLayout, *, names: tuple[str, ...]
    ) -> None:
        self.names = names

    def layout(self) -> Sequence[ObservationField]:
        return tuple(ObservationField(name=name, size=1) for name in self.names)

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, names]``."""
        return torch.stack([ctx.commanded(name) for name in self.names], dim=-1)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing is remembered."""

    def mirror(self, sides: Sides) -> Mirror:
        """Of the built-in command terms; what others ask for in a mirror nobody says."""
        if unknown := [name for name in self.names if name not in SIDED_COMMANDS]:
            expected = " and ".join(SIDED_COMMANDS)
            raise TaskError(f"observations.commands: {unknown[0]!r} has no known mirror image, expected {expected}")
        return opposite(sides, len(self.names))
