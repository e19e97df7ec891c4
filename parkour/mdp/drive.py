"""Driving by hand: a speed and a heading that somebody gives, in place of the drawn command and the way points."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.context import GoalState
from parkour.mdp.goals import wrap_angle

LEAD = 0.6
"""How far the heading may be ahead of the robot's [rad]: about what policies meet on courses."""


class Drive:
    """What a policy is told while somebody drives: see :attr:`parkour.mdp.task_mdp.TaskMdp.drive`.

    Policies know a speed and the yaws to the next two way points. Driving replaces the speed, and both yaws by the
    angle from the robot's heading to the wanted one, which turns at :attr:`turn_rate`. A robot that begins an episode
    is to go where it looks.

    Args:
        num_envs: N.
        device: where the tensors live.
        step_dt: control step [s].
        lead: bound of the angle [rad].
    """

    def __init__(self, num_envs: int, device: str | torch.device, step_dt: float, lead: float = LEAD) -> None:
        zeros = lambda: torch.zeros(num_envs, device=device)  # noqa: E731
        self.speed = zeros()
        """``[N]`` commanded speed [m/s]."""
        self.turn_rate = zeros()
        """``[N]`` how fast the heading turns, to the left above 0 [rad/s]."""
        self.nudge = zeros()
        """``[N]`` added to the heading at the next step, then 0 again [rad]."""
        self.by_hand = torch.ones(num_envs, dtype=torch.bool, device=device)
        """``[N]`` whether the heading counts; where not, the way points lead, at :attr:`speed`."""
        self.heading = zeros()
        """``[N]`` the wanted one, in the patch's frame [rad]."""
        self.step_dt = step_dt
        self.lead = lead

    def aim(self, goals: GoalState, yaw: Tensor, begins: Tensor) -> GoalState:
        """Turn the heading by a control step, and put the angle to it in the place of the yaws.

        Args:
            goals: the way points', up to date.
            yaw: ``[N]`` the robots' headings [rad].
            begins: ``[N]`` bool: an episode begins.
        """
        angle = wrap_angle(self.heading + self.turn_rate * self.step_dt + self.nudge - yaw)
        angle = torch.where(begins | ~self.by_hand, 0.0, angle.clamp(-self.lead, self.lead))
        self.nudge = torch.zeros_like(self.nudge)
        self.heading = wrap_angle(yaw + angle)
        ahead, after = (torch.where(self.by_hand, angle, led) for led in (goals.yaw, goals.next_yaw))
        return GoalState(goals.index, goals.count, goals.direction, ahead, after)
