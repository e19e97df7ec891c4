"""Going where the course leads. All terms return ``[N]``, unweighted."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.context import StepContext

_EPSILON = 1e-5
"""Keeps a command of 0 from dividing by 0 [m/s]."""


def tracking_goal_vel(ctx: StepContext) -> Tensor:
    """min(v · d, v_cmd) / (v_cmd + ε): the part of the commanded speed that goes towards the way point.

    v is the base's horizontal velocity, d the unit vector to the way point.
    """
    speed = (ctx.robot.base_lin_vel_w[:, :2] * ctx.goals.direction).sum(dim=1)
    return torch.minimum(speed, ctx.command) / (ctx.command + _EPSILON)


def tracking_yaw(ctx: StepContext) -> Tensor:
    """exp(-|e|), e the wrapped yaw from the robot's heading to the way point.

    From the direction and the heading of this very step: ``goals.yaw`` is what the policy sees, and held at the
    perception rate.
    """
    target = torch.atan2(ctx.goals.direction[:, 1], ctx.goals.direction[:, 0])
    error = target - ctx.robot.yaw
    return torch.exp(-torch.atan2(torch.sin(error), torch.cos(error)).abs())
