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
        self._now_and_next = torch.arange(2, device=device)
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
        offset = goals[self._rows, torch.minimum(self.index, count - 1)] - base_xy
        inside = torch.linalg.vector_norm(offset, dim=-1) < self.radius
        time_inside = (self._time_inside + dt) * inside
        # Half a step of slack keeps the count of steps independent of rounding in the sum.
        reached = (time_inside > self.dwell + dt / 2) & (self.index < count)
        self.index = self.index + reached
        self._time_inside = time_inside.masked_fill_(reached, 0.0)

    def state(self, base_xy: Tensor, yaw: Tensor, goals: Tensor, count: Tensor) -> GoalState:
        """Index, direction and yaws from the pose now; shapes as in :meth:`advance`, ``yaw`` ``[N]`` [rad]."""
        # The last one stays the target when none is left.
        targets = torch.minimum(self.index[:, None] + self._now_and_next, count[:, None] - 1)
        offsets = goals[self._rows[:, None], targets] - base_xy[:, None]
        yaws = wrap_angle(torch.atan2(offsets[..., 1], offsets[..., 0]) - yaw[:, None])
        distance = torch.linalg.vector_norm(offsets[:, 0], dim=-1, keepdim=True)
        return GoalState(self.index, count, offsets[:, 0] / (distance + 1e-5), *yaws.unbind(-1))

    def hold(self, state: GoalState, refresh: Tensor) -> GoalState:
        """The state with the yaws as a policy sees them: new where ``refresh`` (``[N]`` bool), else the last ones."""
        self._seen_yaw = torch.where(refresh, state.yaw, self._seen_yaw)
        self._seen_next_yaw = torch.where(refresh, state.next_yaw, self._seen_next_yaw)
        return GoalState(state.index, state.count, state.direction, self._seen_yaw, self._seen_next_yaw)
