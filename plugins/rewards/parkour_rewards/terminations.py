"""When an episode ends. All terms return ``[N]`` bool; the outcome is in the spec."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.robot import RobotLayout


def course_completed(ctx: StepContext) -> Tensor:
    """All way points of the patch are reached."""
    return ctx.goals.index >= ctx.goals.count


def time_out(ctx: StepContext) -> Tensor:
    """The episode has lasted its number of control steps."""
    return ctx.episode_step >= ctx.max_episode_steps


def bad_orientation(ctx: StepContext, *, limit: float) -> Tensor:
    """|roll| or |pitch| above ``limit`` [rad]."""
    return torch.maximum(ctx.robot.roll.abs(), ctx.robot.pitch.abs()) > limit


def base_too_low(ctx: StepContext, *, height: float) -> Tensor:
    """Base below ``height`` [m] in the patch's frame, where the start platform is at 0."""
    return ctx.robot.base_pos[:, 2] < height


class WayPointBehind:
    """A way point that lay ahead has lain behind the robot for ``patience`` seconds: it went past, at more than the way
    point's radius. Where a course turns back, the next way point lies behind at first, and that is nobody's fault.

    For students in training: a robot that sees nothing of where it should have been has nothing to learn for the rest
    of its episode. ``limit`` [rad] is of the yaw to the way point, either way.
    """

    def __init__(
        self, num_envs: int, device: str | torch.device, layout: RobotLayout, *, limit: float, patience: float
    ) -> None:
        self._limit, self._patience = limit, patience
        self._seconds = torch.zeros(num_envs, device=device)
        self._index = torch.full((num_envs,), -1, dtype=torch.int64, device=device)
        """``[N]`` the way point that :attr:`_met` is about."""
        self._met = torch.zeros(num_envs, dtype=torch.bool, device=device)
        """``[N]`` whether it has lain ahead."""

    def __call__(self, ctx: StepContext) -> Tensor:
        behind = ctx.goals.yaw.abs() > self._limit
        self._met = (self._met & (ctx.goals.index == self._index)) | ~behind
        self._index = ctx.goals.index.clone()
        self._seconds = torch.where(behind & self._met, self._seconds + ctx.step_dt, 0.0)
        return self._seconds > self._patience

    def reset(self, env_ids: Tensor) -> None:
        self._seconds[env_ids] = 0.0
        self._index[env_ids] = -1
