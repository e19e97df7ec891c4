"""How the base and the joints move. All terms return ``[N]``, unweighted."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour_rewards.columns import columns


def lin_vel_z(ctx: StepContext, *, off_flat: float) -> Tensor:
    """v_z² of the base in its own frame [m²/s²], times ``off_flat`` on terrains that are not flat."""
    squared = ctx.robot.base_lin_vel_b[:, 2].square()
    return torch.where(ctx.course.flat, squared, squared * off_flat)


def ang_vel_xy(ctx: StepContext) -> Tensor:
    """ω_x² + ω_y² of the base in its own frame [rad²/s²]."""
    return ctx.robot.base_ang_vel_b[:, :2].square().sum(dim=1)


def orientation(ctx: StepContext) -> Tensor:
    """g_x² + g_y² of gravity in the base frame, which is sin² of the tilt; 0 on terrains that are not flat."""
    return ctx.robot.projected_gravity[:, :2].square().sum(dim=1) * ctx.course.flat


def hip_pos(ctx: StepContext) -> Tensor:
    """Σ (q − q_default)² over the hips [rad²]."""
    offset = ctx.robot.joint_pos - ctx.default_joint_pos
    return columns(offset, ctx.layout.hip_joints).square().sum(dim=1)


def dof_error(ctx: StepContext) -> Tensor:
    """Σ (q − q_default)² over all joints [rad²]."""
    return (ctx.robot.joint_pos - ctx.default_joint_pos).square().sum(dim=1)
