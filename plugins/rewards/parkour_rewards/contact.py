"""What touches what. All terms return ``[N]`` float, unweighted."""

from __future__ import annotations

from torch import Tensor

from parkour.mdp.context import StepContext
from parkour_rewards.columns import columns


def collision(ctx: StepContext, *, force: float) -> Tensor:
    """Number of penalised bodies (base, thighs, calves; never the feet) with a contact force above ``force`` [N]."""
    forces = columns(ctx.contacts.body_force, ctx.layout.penalised_bodies)
    return (forces.norm(dim=-1) > force).to(ctx.command.dtype).sum(dim=1)


def feet_stumble(ctx: StepContext, *, ratio: float) -> Tensor:
    """1 where any foot has ‖F_xy‖ > ``ratio`` · |F_z|: it pushes against a wall rather than the ground."""
    forces = ctx.contacts.foot_force
    stumbles = forces[..., :2].norm(dim=-1) > ratio * forces[..., 2].abs()
    return stumbles.any(dim=1).to(ctx.command.dtype)


def feet_edge(ctx: StepContext, *, force: float, above_level: int) -> Tensor:
    """Number of feet in contact (above ``force`` [N]) on an edge cell, where the level is above ``above_level``."""
    on_edge = ctx.contacts.feet_touching(force) & ctx.course.edge(ctx.robot.feet_pos[..., :2])
    return (on_edge & (ctx.course.level > above_level)[:, None]).to(ctx.command.dtype).sum(dim=1)
