"""The reward: feet that stand close to a drop."""

import math

import torch
from parkour import Params, StepContext, param
from torch import Tensor

DIRECTIONS = 8
"""Places around each foot at which the ground is looked up."""


class DropParams(Params):
    """Numbers that a task can set."""

    radius: float = param(0.08, unit="m", ge=0.05, le=0.5)
    """A drop counts within this distance of a foot; the ground is known in cells of 0.05 m."""
    depth: float = param(0.15, unit="m", ge=0.01)
    """Ground this much lower than under the foot is a drop."""
    force: float = param(2.0, unit="N", ge=0.0)
    """A foot is loaded when its force, now or one control step ago, is above this."""


def feet_near_drop(ctx: StepContext, *, radius: float, depth: float, force: float) -> Tensor:
    """Number of loaded feet with a drop around them, ``[num_envs]``; give it a negative weight."""
    feet = ctx.robot.feet_pos[..., :2]
    # Computed here and not kept: torch folds it into the compiled reward.
    angle = torch.arange(DIRECTIONS, device=feet.device) * (2 * math.pi / DIRECTIONS)
    around = radius * torch.stack((torch.cos(angle), torch.sin(angle)), dim=-1)
    below = ctx.course.height(feet)
    beside = ctx.course.height(feet[..., None, :] + around).amin(dim=-1)
    return (ctx.contacts.feet_touching(force) & (below - beside > depth)).sum(dim=-1).to(feet.dtype)
