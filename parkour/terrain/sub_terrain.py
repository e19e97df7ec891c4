"""What a terrain generator returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parkour.errors import TerrainError
from parkour.terrain.box import Box, Vec3

PATCH_LENGTH = 16.0
"""Extent of a patch along x [m], unless a task's ``course.length`` says another."""
PATCH_WIDTH = 4.0
"""Extent of a patch along y [m], unless ``course.width`` says another; the middle line is y = 0."""
MARGIN = 1.0
"""How far ground and pit floors reach past the patch on every side [m]: a robot that leaves it falls."""
START_PLATFORM = 2.5
"""Most sub-terrains begin with a flat platform at height 0, this long [m]."""
LEVEL_START = 2.0
"""Every sub-terrain is level at height 0 up to here [m]: robots start there, and get up to speed."""
HEAD_ROOM = 0.6
"""Nothing hangs lower than this over the place where robots start [m above it] …"""
HEAD_ROOM_AROUND = 0.5
"""… and this far around it along x and y [m]."""
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

    @classmethod
    def from_heights(
        cls,
        heights: np.ndarray,
        cell: float,
        *,
        goals: np.ndarray | Sequence[tuple[float, float]],
        max_boxes: int,
        origin: tuple[float, float] = (0.0, -PATCH_WIDTH / 2),
        spawn: Vec3 = SPAWN,
        extend: float = MARGIN,
        tolerance: float = 0.005,
        walkable_above: float = -0.1,
    ) -> SubTerrain:
        """A patch from a piecewise-constant height field: cells of equal height are merged into boxes.

        Args:
            heights: ``[NX, NY]`` heights of the cells [m].
            cell: side of a cell [m].
            goals: ``[G, 2]`` way points in patch coordinates [m].
            max_boxes: boxes it may take at most; leave some of the task's ``course.max_boxes`` for the roughness.
            origin: corner of cell [0, 0] with the least x and y, in patch coordinates [m].
            spawn: start position on the ground [m].
            extend: boxes at the border of the field reach this much further out [m].
            tolerance: heights are rounded to multiples of this [m]; 0 leaves them as they are.
            walkable_above: boxes with tops below this height are pits, which get no roughness [m].

        Raises:
            TerrainError: the field needs more than ``max_boxes`` boxes (the message says how many), or has numbers
                that are not finite.
        """
        from parkour.terrain.heights import boxes_from_heights

        boxes = boxes_from_heights(
            heights, cell, origin=origin, max_boxes=max_boxes, extend=extend, tolerance=tolerance,
            walkable_above=walkable_above,
        )  # fmt: skip
        return cls(boxes=tuple(boxes), goals=np.asarray(goals, float), spawn=spawn)

    def check(
        self, name: str, max_boxes: int, max_goals: int, size: tuple[float, float] = (PATCH_LENGTH, PATCH_WIDTH)
    ) -> None:
        """Raises :class:`TerrainError` in the terrain's name where an invariant does not hold.

        ``size`` is that of the patch, along x and y [m].
        """
        try:
            problem = self._problem(max_boxes, max_goals, size)
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            problem = f"its boxes, goals or spawn are of the wrong type or shape ({error})"
        if problem:
            hint = f"parkour plugins show {name}"
            if len(self.boxes) > max_boxes:
                hint = f"--set course.max_boxes={len(self.boxes)} (512 at most), or coarser ground, a greater tolerance"
            raise TerrainError(f"terrain {name!r}: {problem}", hint=hint)

    def _problem(self, max_boxes: int, max_goals: int, size: tuple[float, float]) -> str | None:
        if not 1 <= len(self.boxes) <= max_boxes:
            return f"got {len(self.boxes)} boxes, expected 1 to {max_boxes}"
        rows = np.stack([box.row() for box in self.boxes])
        if not np.isfinite(rows).all():
            return "a box has a NaN or infinite number, expected finite ones"
        if (rows[:, 7:] <= 0).any():
            return f"a box has half size {rows[:, 7:].min():.4g} m, expected above 0"
        norm = np.linalg.norm(rows[:, 3:7], axis=1)
        if (np.abs(norm - 1) > 1e-3).any():
            return f"a box has a quaternion of length {norm[np.abs(norm - 1).argmax()]:.4g}, expected 1"
        goals = np.asarray(self.goals)
        if goals.ndim != 2 or goals.shape[-1:] != (2,):
            return f"got goals of shape {goals.shape}, expected (G, 2)"
        if not 1 <= len(goals) <= max_goals:
            return f"got {len(goals)} goals, expected 1 to {max_goals}"
        if not np.isfinite(goals).all() or not np.isfinite(self.spawn).all():
            return "a goal or the spawn is NaN or infinite, expected finite numbers"
        for what, x, y in (*((f"goal {k}", *goal) for k, goal in enumerate(goals)), ("the spawn", *self.spawn[:2])):
            if not (-1e-6 <= x <= size[0] + 1e-6 and abs(y) <= size[1] / 2 + 1e-6):
                extent = f"x from 0 to {size[0]:g} and y within ±{size[1] / 2:g} (course.length, course.width)"
                return f"{what} is at ({x:.2f}, {y:.2f}), expected it inside the patch: {extent}"
        return self._hanging_over_the_spawn(rows)

    def _hanging_over_the_spawn(self, rows: np.ndarray) -> str | None:
        overhead = np.array([box.overhead for box in self.boxes])
        if not overhead.any():
            return None
        turned = np.abs([box.rotation() for box in self.boxes])[overhead]
        extent = (turned @ rows[overhead, 7:, None])[..., 0]
        spawn, center = np.asarray(self.spawn, float), rows[overhead, :3]
        over = (np.abs(center[:, :2] - spawn[:2]) < extent[:, :2] + HEAD_ROOM_AROUND).all(-1)
        room = np.where(over, center[:, 2] - extent[:, 2] - spawn[2], np.inf).min()
        if room >= HEAD_ROOM:
            return None
        return f"a box hangs {room:.2f} m over the spawn, expected {HEAD_ROOM:g} m or more for a robot to stand there"
