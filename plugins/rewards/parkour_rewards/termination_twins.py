"""The terminations once more in numpy, for simulators without torch; see :mod:`parkour.mdp.twins`."""

from __future__ import annotations

from parkour import RobotLayout, TwinContext


def course_completed(ctx: TwinContext) -> bool:
    """All way points of the patch are reached."""
    return ctx.goals.index >= ctx.goals.count


def time_out(ctx: TwinContext) -> bool:
    """The episode has lasted its number of control steps."""
    return ctx.episode_step >= ctx.max_episode_steps


def bad_orientation(ctx: TwinContext, *, limit: float) -> bool:
    """|roll| or |pitch| above ``limit`` [rad]."""
    return max(abs(ctx.robot.roll), abs(ctx.robot.pitch)) > limit


def base_too_low(ctx: TwinContext, *, height: float) -> bool:
    """Base below ``height`` [m] in the patch's frame, where the start platform is at 0."""
    return bool(ctx.robot.base_pos[2] < height)


class WayPointBehind:
    """A way point that lay ahead has lain behind the robot for ``patience`` seconds."""

    def __init__(self, layout: RobotLayout, *, limit: float, patience: float) -> None:
        self._limit, self._patience = limit, patience
        self._seconds, self._index, self._met = 0.0, -1, False

    def __call__(self, ctx: TwinContext) -> bool:
        behind = abs(ctx.goals.yaw) > self._limit
        self._met = (self._met and ctx.goals.index == self._index) or not behind
        self._index = ctx.goals.index
        self._seconds = self._seconds + ctx.step_dt if behind and self._met else 0.0
        return self._seconds > self._patience

    def reset(self) -> None:
        self._seconds, self._index, self._met = 0.0, -1, False
