"""What a terrain generator returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parkour.errors import TerrainError
from parkour.terrain.box import Box, Vec3

PATCH_LENGTH = 16.0
"""Extent of a patch along x [m]."""
PATCH_WIDTH = 4.0
"""Extent of a patch along y [m]; the middle line is y = 0."""
MARGIN = 1.0
"""How far ground and pit floors reach past the patch on every side [m]: a robot that leaves it falls."""
START_PLATFORM = 2.5
"""Every sub-terrain begins with a flat platform at height 0, this long [m]."""
SPAWN: Vec3 = (1.0, 0.0, 0.0)
"""Where robots start [m]; z is the ground's height there."""


@dataclass(frozen=True)
class SubTerrain:
    """One patch: boxes, way points and the start.

    Patch coordinates: x from 0 to :data:`PATCH_LENGTH` forward, y from -:data:`PATCH_WIDTH`/2 to +/2 left, z up, 0 on
    the start platform. The field adds roughness bumps on top, as many as the box budget leaves.
    """

    boxes: Sequence[Box]
    goals: np.ndarray
    """``[G, 2]`` way points in order, x and y [m]."""
    spawn: Vec3 = SPAWN
    """Start position on the ground [m]; the robot faces +x."""

    def check(self, name: str, max_boxes: int, max_goals: int) -> None:
        """Raises :class:`TerrainError` in the terrain's name where an invariant does not hold."""
        problem = self._problem(max_boxes, max_goals)
        if problem:
            raise TerrainError(f"terrain {name!r}: {problem}", hint=f"parkour plugins show {name}")

    def _problem(self, max_boxes: int, max_goals: int) -> str | None:
        if not 1 <= len(self.boxes) <= max_boxes:
            return f"got {len(self.boxes)} boxes, expected 1 to {max_boxes}"
        rows = np.stack([box.row() for box in self.boxes])
        if not np.isfinite(rows).all():
            return "a box has a NaN or infinite number, expected finite ones"
        if (rows[:, 7:] <= 0).any():
            return f"a box has half size {rows[:, 7:].min():.4g} m, expected above 0"
        goals = np.asarray(self.goals)
        if goals.ndim != 2 or goals.shape[-1:] != (2,):
            return f"got goals of shape {goals.shape}, expected (G, 2)"
        if not 1 <= len(goals) <= max_goals:
            return f"got {len(goals)} goals, expected 1 to {max_goals}"
        if not np.isfinite(goals).all() or not np.isfinite(self.spawn).all():
            return "a goal or the spawn is NaN or infinite, expected finite numbers"
        return None
