"""The ground around the robot, and what hangs over it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.errors import TaskError
from parkour.mdp.context import StepContext
from parkour.mdp.mirror import Mirror, Sides, joined, rows_reversed
from parkour.mdp.robot import RobotLayout
from parkour.specs import ObservationField


class HeightScan:
    """Group ``height_scan``: clip(base_z − ground_z − clearance, ± limit) at the points of a grid, x fastest.

    With ``ceiling`` there follows clip(limit − (ceiling_z − base_z), 0, limit) at the same points: 0 under the open
    sky, the more the lower the ceiling.

    The grid moves and turns (about z only) with the base. It is refreshed where ``ctx.perception`` is set and on the
    first step of an episode, and held in between.
    """

    def __init__(
        self, num_envs: int, device: str | torch.device, layout: RobotLayout, *,
        x: tuple[float, float], y: tuple[float, float], spacing: float, clearance: float, limit: float,
        ceiling: bool = False,
    ) -> None:  # fmt: skip
        columns = torch.linspace(*x, round((x[1] - x[0]) / spacing) + 1, device=device)
        rows = torch.linspace(*y, round((y[1] - y[0]) / spacing) + 1, device=device)
        self._grid, self._across = (len(rows), len(columns)), y
        # [points, 1] each, to go with [N, 1, 2].
        self._x = columns.repeat(len(rows)).unsqueeze(1)
        self._y = rows.repeat_interleave(len(columns)).unsqueeze(1)
        self._clearance = clearance
        self._limit = limit
        self._ceiling = ceiling
        self._held = torch.zeros(num_envs, len(self._x) * (2 if ceiling else 1), device=device)
        self._first = torch.ones(num_envs, dtype=torch.bool, device=device)

    def layout(self) -> Sequence[ObservationField]:
        names = ("height_scan", "ceiling_scan") if self._ceiling else ("height_scan",)
        return [ObservationField(name=name, size=len(self._x), unit="m") for name in names]

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, rows * columns]`` [m]; twice as many with the ceiling."""
        points, height = self._points(ctx), ctx.robot.base_pos[:, 2:3]
        scan = (height - ctx.course.height(points) - self._clearance).clamp(-self._limit, self._limit)
        if self._ceiling:
            low = self._limit - (ctx.course.ceiling(points) - height)
            scan = torch.cat((scan, low.clamp(0.0, self._limit)), dim=1)
        refresh = (ctx.perception | self._first).unsqueeze(1)
        self._held = torch.where(refresh, scan, self._held)
        self._first.zero_()
        return self._held

    def reset(self, env_ids: Tensor) -> None:
        self._first[env_ids] = True

    def mirror(self, sides: Sides) -> Mirror:
        right, left = self._across
        if abs(right + left) > 1e-6:
            raise TaskError(
                f"observations.height_scan: the scan from y = {right:g} to {left:g} m has no mirror image, expected "
                "one that reaches as far to the left as to the right"
            )
        return joined([rows_reversed(*self._grid)] * (2 if self._ceiling else 1))

    def _points(self, ctx: StepContext) -> Tensor:
        """``[N, rows * columns, 2]``: the grid in the patch's frame [m]."""
        cos, sin = torch.cos(ctx.robot.yaw), torch.sin(ctx.robot.yaw)
        forward = torch.stack((cos, sin), dim=-1).unsqueeze(1)
        left = torch.stack((-sin, cos), dim=-1).unsqueeze(1)
        return ctx.robot.base_pos[:, None, :2].addcmul(self._x, forward).addcmul(self._y, left)
