"""Way points: which one each robot aims at, where it lies, and the yaws a policy is told."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from parkour.mdp.context import GoalState


def wrap_angle(angle: Tensor) -> Tensor:
    """The same angle in [-pi, pi) [rad]."""
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi


class GoalTracker:
    """Follows each robot along its patch's way points.

    A way point is reached when the base has been within ``radius`` of it (horizontally) for longer than ``dwell``.

    Args:
        num_envs: N.
        device: where the tensors live.
        radius: [m].
        dwell: [s].
    """

    def __init__(self, num_envs: int, device: str | torch.device, *, radius: float, dwell: float) -> None:
        self.radius = radius
        self.dwell = dwell
        self.index = torch.zeros(num_envs, dtype=torch.long, device=device)
        self._time_inside = torch.zeros(num_envs, device=device)
        self._rows = torch.arange(num_envs, device=device)
        self._seen_yaw = torch.zeros(num_envs, device=device)
        self._seen_next_yaw = torch.zeros(num_envs, device=device)

    def reset(self, env_ids: Tensor) -> None:
        """Start again at the first way point."""
        self.index[env_ids] = 0
        self._time_inside[env_ids] = 0.0

    def advance(self, base_xy: Tensor, goals: Tensor, count: Tensor, dt: float) -> None:
        """Move on where a way point is reached.

        Args:
            base_xy: ``[N, 2]`` [m].
            goals: ``[N, G, 2]`` way points [m].
            count: ``[N]`` how many of them the patch has.
            dt: time since the last call [s].
        """
        offset = self._target(goals, count, 0) - base_xy
        inside = torch.linalg.vector_norm(offset, dim=-1) < self.radius
        self._time_inside = torch.where(inside, self._time_inside + dt, 0.0)
        # Half a step of slack keeps the count of steps independent of rounding in the sum.
        reached = (self._time_inside > self.dwell + dt / 2) & (self.index < count)
        self.index = self.index + reached.long()
        self._time_inside = torch.where(reached, 0.0, self._time_inside)

    def state(self, base_xy: Tensor, yaw: Tensor, goals: Tensor, count: Tensor) -> GoalState:
        """Index, direction and yaws from the pose now; shapes as in :meth:`advance`, ``yaw`` ``[N]`` [rad]."""
        offset = self._target(goals, count, 0) - base_xy
        next_offset = self._target(goals, count, 1) - base_xy
        distance = torch.linalg.vector_norm(offset, dim=-1, keepdim=True)
        return GoalState(
            index=self.index,
            count=count,
            direction=offset / (distance + 1e-5),
            yaw=wrap_angle(torch.atan2(offset[:, 1], offset[:, 0]) - yaw),
            next_yaw=wrap_angle(torch.atan2(next_offset[:, 1], next_offset[:, 0]) - yaw),
        )

    def hold(self, state: GoalState, refresh: Tensor) -> GoalState:
        """The state with the yaws as a policy sees them: new where ``refresh`` (``[N]`` bool), else the last ones."""
        self._seen_yaw = torch.where(refresh, state.yaw, self._seen_yaw)
        self._seen_next_yaw = torch.where(refresh, state.next_yaw, self._seen_next_yaw)
        return GoalState(state.index, state.count, state.direction, self._seen_yaw, self._seen_next_yaw)

    def _target(self, goals: Tensor, count: Tensor, ahead: int) -> Tensor:
        """``[N, 2]`` the way point ``ahead`` of the current one; the last one stays the target when none is left."""
        return goals[self._rows, torch.minimum(self.index + ahead, count - 1)]
