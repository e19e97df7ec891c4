"""When an episode ends. All terms return ``[N]`` bool; the outcome is in the spec."""

from __future__ import annotations

from torch import Tensor

from parkour.mdp.context import StepContext


def course_completed(ctx: StepContext) -> Tensor:
    """All way points of the patch are reached."""
    return ctx.goals.index >= ctx.goals.count


def time_out(ctx: StepContext) -> Tensor:
    """The episode has lasted its number of control steps."""
    return ctx.episode_step >= ctx.max_episode_steps


def bad_orientation(ctx: StepContext, *, limit: float) -> Tensor:
    """|roll| or |pitch| above ``limit`` [rad]."""
    return (ctx.robot.roll.abs() > limit) | (ctx.robot.pitch.abs() > limit)


def base_too_low(ctx: StepContext, *, height: float) -> Tensor:
    """Base below ``height`` [m] in the patch's frame, where the start platform is at 0."""
    return ctx.robot.base_pos[:, 2] < height
