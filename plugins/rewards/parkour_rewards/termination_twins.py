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
    """The way point has lain behind the robot for ``patience`` seconds."""

    def __init__(self, layout: RobotLayout, *, limit: float, patience: float) -> None:
        self._limit, self._patience = limit, patience
        self._seconds = 0.0

    def __call__(self, ctx: TwinContext) -> bool:
        self._seconds = self._seconds + ctx.step_dt if abs(ctx.goals.yaw) > self._limit else 0.0
        return self._seconds > self._patience

    def reset(self) -> None:
        self._seconds = 0.0
