"""A commanded heading in place of the exact yaws, as :class:`parkour.mdp.heading.HeadingCommand` has it."""

from __future__ import annotations

import math

import numpy as np

from parkour.tasks.sections import Heading


class Operator:
    """Commands the heading of one robot.

    Args:
        heading: of the task; its source is not the way points.
        step_dt: control step [s].
        rng: of the commands' errors.
    """

    def __init__(self, heading: Heading, step_dt: float, rng: np.random.Generator) -> None:
        self._interval = max(1, round(heading.interval / step_dt)) if heading.source == "operator" else None
        self._reaction = round(heading.reaction / step_dt)
        self._error, self._rng = heading.error, rng
        self._wanted = self._heading = 0.0

    def aim(self, goal: float, yaw: float, step: int) -> tuple[float, float]:
        """Both yaws that the policy is told [rad]; called once per control step.

        Args:
            goal: yaw to the way point [rad].
            yaw: the robot's heading [rad].
            step: of the episode; 0 where it begins.
        """
        since = step if self._interval is None else step % self._interval
        if since == 0:
            aim = yaw if self._interval is None else yaw + goal
            self._wanted = aim + self._error * self._rng.standard_normal()
        if step == 0 or (self._interval is not None and since == self._reaction):
            self._heading = self._wanted
        angle = math.remainder(self._heading - yaw, 2 * math.pi)
        return angle, angle
