"""Which environments see something new."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.mirror import Mirror, Sides, same
from parkour.mdp.robot import RobotLayout
from parkour.specs import ObservationField


class Perception:
    """Group ``perception``: 1 at the steps at which scan, yaws and depth are refreshed, 0 between them.

    A policy that looks at images needs to look only then, and must then: what it remembers counts frames.
    """

    def __init__(self, num_envs: int, device: str | torch.device, layout: RobotLayout) -> None:
        pass

    def layout(self) -> Sequence[ObservationField]:
        return (ObservationField(name="perception", size=1),)

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, 1]``."""
        return ctx.perception.to(ctx.command.dtype).unsqueeze(1)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing is remembered."""

    def mirror(self, sides: Sides) -> Mirror:
        return same(sides, 1)
