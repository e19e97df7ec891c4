"""What moving costs, and how smooth it is. All terms return ``[N]``, unweighted."""

from __future__ import annotations

from torch import Tensor

from parkour.mdp.context import StepContext


def dof_acc(ctx: StepContext) -> Tensor:
    """Σ ((q̇ − q̇_prev) / Δt)² over the joints [rad²/s⁴], Δt the control step."""
    return ((ctx.robot.joint_vel - ctx.previous.joint_vel) / ctx.step_dt).square().sum(dim=1)


def torques(ctx: StepContext) -> Tensor:
    """Σ τ² over the joints [N² m²], τ after the motor's limits."""
    return ctx.robot.joint_torque.square().sum(dim=1)


def delta_torques(ctx: StepContext) -> Tensor:
    """Σ (τ − τ_prev)² over the joints [N² m²]."""
    return (ctx.robot.joint_torque - ctx.previous.joint_torque).square().sum(dim=1)


def action_rate(ctx: StepContext) -> Tensor:
    """‖a − a_prev‖₂ of the actions as the policy gave them."""
    return (ctx.action - ctx.previous.action).norm(dim=1)
