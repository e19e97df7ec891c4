"""A commanded heading: what somebody beside the robot, who sees the course, tells it in place of the exact yaws."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.context import GoalState
from parkour.mdp.goals import wrap_angle

LOOKS = 64
"""Errors that are drawn for each environment; the next look after these has the first one again."""


class HeadingCommand:
    """Puts the angle from the robot's heading to a commanded one in the place of both yaws.

    A robot knows its own heading from its inertial unit, so that it can keep a commanded one by itself. Nobody tells it
    where a way point is. The angle is 50 times a second what it is; policies are told it as often as other yaws
    (:meth:`parkour.mdp.goals.GoalTracker.hold`).

    Errors are drawn at the beginning from a generator of their own: all other random numbers are the same whatever is
    commanded.

    Args:
        num_envs: N.
        device: where the tensors live.
        step_dt: control step [s].
        interval: an operator looks once in so long, at the robot and the way point that it is to go to [s]; None: the
            heading that the robot has at the episode's start is kept throughout.
        reaction: from a look to the command that comes of it [s]; the first one of an episode counts at once.
        error: standard deviation of a command's error [rad].
        seed: of the errors.
    """

    def __init__(
        self,
        num_envs: int,
        device: str | torch.device,
        step_dt: float,
        *,
        interval: float | None,
        reaction: float = 0.0,
        error: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._interval = None if interval is None else max(1, round(interval / step_dt))
        self._reaction = round(reaction / step_dt)
        generator = torch.Generator().manual_seed(seed)
        self._errors = error * torch.randn(num_envs, LOOKS, generator=generator).to(device)
        self._look = torch.zeros(num_envs, dtype=torch.long, device=device)
        self._wanted = torch.zeros(num_envs, device=device)
        self.heading = torch.zeros(num_envs, device=device)
        """``[N]`` the commanded one, in the patch's frame [rad]."""

    def aim(self, goals: GoalState, yaw: Tensor, episode_step: Tensor) -> GoalState:
        """The way points' state with both yaws replaced; called once per control step.

        Args:
            goals: up to date.
            yaw: ``[N]`` the robots' headings [rad].
            episode_step: ``[N]`` int64; 0 where an episode begins.
        """
        begins = episode_step == 0
        looks, commands = begins, begins
        wanted = yaw
        if self._interval is not None:
            since = episode_step % self._interval
            looks, commands = since == 0, begins | (since == self._reaction)
            wanted = yaw + goals.yaw
        self._look = torch.where(looks, (self._look + 1) % LOOKS, self._look)
        error = self._errors.gather(1, self._look.unsqueeze(1)).squeeze(1)
        self._wanted = torch.where(looks, wanted + error, self._wanted)
        self.heading = torch.where(commands, self._wanted, self.heading)
        angle = wrap_angle(self.heading - yaw)
        return GoalState(goals.index, goals.count, goals.direction, angle, angle)
