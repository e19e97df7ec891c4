"""How high the body is."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.context import StepContext

SPACING = 0.1
"""The ceiling is looked up at points about this far apart [m]."""


def low_ceiling(
    ctx: StepContext, *, reach: float, ahead: float, behind: float, side: float, most: float
) -> Tensor:  # fmt: skip
    """clip(base_z + ``reach`` − ceiling_z, 0, ``most``) under the lowest ceiling around the robot [m]; 0 in the open.

    Around: a rectangle that turns with the robot, from ``behind`` to ``ahead`` of the base, ``side`` to both sides. So
    a robot is told to lower its body before the ceiling begins, and for as long as any of it is below. ``[N]``.
    """
    base, yaw = ctx.robot.base_pos, ctx.robot.yaw[:, None, None]
    forward = _row(-behind, ahead, ctx.device)[:, None]
    left = _row(-side, side, ctx.device)[None, :]
    cos, sin = torch.cos(yaw), torch.sin(yaw)
    points = torch.stack((cos * forward - sin * left, sin * forward + cos * left), dim=-1)
    ceiling = ctx.course.ceiling(points + base[:, None, None, :2]).amin(dim=(1, 2))
    return (base[:, 2] + reach - ceiling).clamp(0.0, most)


def _row(first: float, last: float, device: torch.device) -> Tensor:
    return torch.linspace(first, last, 1 + max(1, round((last - first) / SPACING)), device=device)
