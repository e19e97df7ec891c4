"""A course over real ground: a level start, the ground in boxes, way points along its middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parkour.errors import TerrainError
from parkour.terrain.box import Box
from parkour.terrain.importing.fitting import fit_boxes
from parkour.terrain.importing.surface import Surface
from parkour.terrain.raster import Grid, height_raster
from parkour.terrain.sub_terrain import MARGIN, PATCH_LENGTH, PATCH_WIDTH, START_PLATFORM, SubTerrain

BASE = 0.5
"""Start platform and surrounding ground reach this far below the lowest place [m]."""
GOALS = 8
"""Way points where none are given: as many as the built-in tasks allow."""
BEFORE_END = 0.5
"""The last of them lies this far before the end of the ground [m]."""
LEVELLED = 0.4
"""Heights count from the mean of the ground that robots step on first: this long [m] …"""
LEVELLED_HALF_WIDTH = 0.5
"""… and this far to both sides of the middle line [m]."""
HIGHEST = 50.0
"""No place is further above or below the beginning [m]."""
MOST_BOXES = 512
"""What ``course.max_boxes`` allows at most."""


@dataclass(frozen=True)
class Placement:
    """Which part of a surface becomes the course, and how finely."""

    start: tuple[float, float] | None = None
    """Where the course begins on the surface, in the file's own coordinates, and its middle line there [m]; None: at
    the least x, in the middle of its width."""
    cell: float = 0.05
    """Side of the cells that are compared [m]."""
    tolerance: float = 0.05
    """Greatest distance between boxes and surface [m]."""
    max_boxes: int = MOST_BOXES
    """Boxes of the course, start and surroundings included."""
    goals: Sequence[tuple[float, float]] = ()
    """Way points in patch coordinates [m]; evenly along the middle when empty."""


@dataclass(frozen=True)
class ImportedCourse:
    """What becomes a file, and how well it fits."""

    sub_terrain: SubTerrain
    surface: Surface
    """The part of the ground that was met, in patch coordinates."""
    error: float
    """Greatest distance along z between boxes and surface at the middle of a cell [m]."""
    lowest: float
    """Of the surface [m]."""
    highest: float
    bare: float = 0.0
    """Part of its cells where the mesh has holes."""


def lay_course(surface: Surface, placement: Placement) -> ImportedCourse:
    """Boxes for the part of a surface that a patch has room for.

    Raises:
        TerrainError: there is too little of it, it needs too many boxes, or a way point lies outside.
    """
    ground = place(surface, placement)
    lowest, highest = float(ground.heights.min()), float(ground.heights.max())
    around = _around(min(lowest, 0.0))
    boxes = [*around, *fit_boxes(ground, placement.tolerance, placement.max_boxes - len(around))]
    made = SubTerrain(boxes=tuple(boxes), goals=_goals(ground, placement.goals))
    made.check("imported", placement.max_boxes, max(len(placement.goals), GOALS))
    grid = Grid(ground.origin, (ground.heights.shape[0], ground.heights.shape[1]), ground.cell)
    error = float(np.abs(height_raster(boxes, grid) - ground.heights).max())
    bare = 0.0 if ground.bare is None else float(ground.bare.mean())
    return ImportedCourse(made, ground, error, lowest, highest, bare)


def place(surface: Surface, placement: Placement) -> Surface:
    """The part of the surface that is used, in patch coordinates, its beginning level with the start platform."""
    (x0, y0), (length, width) = surface.origin, surface.size
    begin, middle = placement.start or (x0, y0 + width / 2)
    long = min(PATCH_LENGTH - START_PLATFORM, x0 + length - begin)
    low, high = max(y0, middle - PATCH_WIDTH / 2), min(y0 + width, middle + PATCH_WIDTH / 2)
    if begin < x0 - 1e-9 or long < 1.0 or high - low < 0.5 or not low < middle < high:
        raise TerrainError(
            f"got a course of {max(long, 0):.2f} by {max(high - low, 0):.2f} m from ({begin:g}, {middle:g}) of ground "
            f"that reaches from ({x0:g}, {y0:g}) to ({x0 + length:g}, {y0 + width:g}), expected 1 by 0.5 m or more",
            hint="--start X Y, in the file's metres; --spacing of a height map, --scale and --up of a mesh",
        )
    part = surface.part((begin, begin + long), (low, high), placement.cell)
    x, y = (part.origin[a] + (np.arange(part.heights.shape[a]) + 0.5) * part.cell for a in (0, 1))
    first = (x < begin + max(LEVELLED, part.cell))[:, None] & (np.abs(y - middle) <= LEVELLED_HALF_WIDTH)[None]
    level = float(part.heights[first].mean()) if first.any() else float(part.heights[0].mean())
    heights = part.heights - level
    if not (np.abs(heights) <= HIGHEST).all():  # No comparison holds for NaN.
        raise TerrainError(
            f"the ground reaches from {heights.min():.3g} to {heights.max():.3g} m, seen from where the course begins, "
            f"expected at most {HIGHEST:g} m up or down",
            hint="--height of a height map, --scale and --up of a mesh",
        )
    return Surface(heights, part.cell, (START_PLATFORM, low - middle), part.bare)


def _around(lowest: float) -> list[Box]:
    """Ground past the patch on all sides, as low as the lowest place, and the start platform on it."""
    sides = (-PATCH_WIDTH / 2 - MARGIN, PATCH_WIDTH / 2 + MARGIN)
    ground = Box.slab((-MARGIN, PATCH_LENGTH + MARGIN), sides, lowest, BASE, walkable=False)
    if lowest >= 0.0:
        return [ground]
    return [ground, Box.slab((-MARGIN, START_PLATFORM), sides, 0.0, BASE - lowest, walkable=False)]


def _goals(ground: Surface, given: Sequence[tuple[float, float]]) -> np.ndarray:
    if given:
        return np.array(given, float)
    end = ground.origin[0] + ground.size[0] - BEFORE_END
    return np.stack([np.linspace(START_PLATFORM, end, GOALS), np.zeros(GOALS)], axis=-1)
