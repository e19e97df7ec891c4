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


def tracking_lateral_speed(ctx: StepContext, *, sigma: float) -> Tensor:
    """exp(-(v_y - v_cmd)² / σ), v_y the base's speed to the left in its own frame; command term ``lateral_speed``."""
    return torch.exp(-(ctx.robot.base_lin_vel_b[:, 1] - ctx.commanded("lateral_speed")).square() / sigma)


def tracking_turn_rate(ctx: StepContext, *, sigma: float) -> Tensor:
    """exp(-(ω_z - ω_cmd)² / σ), ω_z the base's rate of turning to the left; command term ``turn_rate``."""
    return torch.exp(-(ctx.robot.base_ang_vel_b[:, 2] - ctx.commanded("turn_rate")).square() / sigma)
