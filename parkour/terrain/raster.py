"""Height, ceiling and edge rasters of a patch, built from its boxes.

A raster covers the patch and its margin with square cells; entry ``[i, j]`` belongs to the cell whose centre lies at
``origin + (i + 1/2, j + 1/2) * cell``. Heights are those of the highest surface there, exactly, tilted tops included,
of what can be stood on: boxes that hang overhead are left out, and make the ceiling with their lowest surface.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from parkour.terrain.box import Box, Vec3
from parkour.terrain.sub_terrain import MARGIN, PATCH_LENGTH, PATCH_WIDTH

FLOOR = -3.0
"""Height of cells below which there is no box [m]: well under every pit, and beyond the clipping of the scan."""
OPEN = 10.0
"""Height of the ceiling where nothing hangs overhead [m]. A finite number: it can be multiplied and masked."""


@dataclass(frozen=True)
class Grid:
    """Where the cells of a raster lie."""

    origin: tuple[float, float]
    """Corner of cell [0, 0] with the least x and y [m]."""
    shape: tuple[int, int]
    """Cells along x and y."""
    cell: float
    """Side of a cell [m]."""

    @classmethod
    def of_patch(cls, cell: float, length: float = PATCH_LENGTH, width: float = PATCH_WIDTH) -> Grid:
        """The grid over a patch and its margin."""
        nx = math.ceil((length + 2 * MARGIN) / cell - 1e-6)
        ny = math.ceil((width + 2 * MARGIN) / cell - 1e-6)
        return cls((-MARGIN, -width / 2 - MARGIN), (nx, ny), cell)

    def centers(self, axis: int) -> np.ndarray:
        """``[shape[axis]]`` coordinates of the cells' centres [m]."""
        return self.origin[axis] + (np.arange(self.shape[axis]) + 0.5) * self.cell

    def index(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cells of points ``[..., 2]``, clamped to the border: two integer arrays ``[...]``."""
        i = np.floor((xy[..., 0] - self.origin[0]) / self.cell).astype(int)
        j = np.floor((xy[..., 1] - self.origin[1]) / self.cell).astype(int)
        return i.clip(0, self.shape[0] - 1), j.clip(0, self.shape[1] - 1)


def height_raster(boxes: Iterable[Box], grid: Grid, below: np.ndarray | None = None) -> np.ndarray:
    """The highest surface at every cell's centre that is not overhead.

    Args:
        boxes: what to draw.
        grid: the cells.
        below: ``[NX, NY]`` raster to draw over (left unchanged); :data:`FLOOR` everywhere without it.

    Returns:
        ``[NX, NY]`` float32 [m].
    """
    heights = np.full(grid.shape, FLOOR, np.float32) if below is None else below.copy()
    for box in boxes:
        if not box.overhead:
            _draw(box.center, box.rotation(), box.half_size, grid, heights)
    return heights


def ceiling_raster(boxes: Iterable[Box], grid: Grid) -> np.ndarray | None:
    """The lowest surface overhead at every cell's centre, ``[NX, NY]`` float32 [m]; :data:`OPEN` where there is none.

    None where no box is overhead, as in most courses: nothing is kept of it then, and nothing looked up.
    """
    overhead = [box for box in boxes if box.overhead]
    if not overhead:
        return None
    upside_down = np.full(grid.shape, -OPEN, np.float32)
    # Mirrored in the ground, so that the lowest surface is the highest one.
    mirror = np.array([1.0, 1.0, -1.0])
    for box in overhead:
        rotation = mirror[:, None] * box.rotation() * mirror
        x, y, z = box.center
        _draw((x, y, -z), rotation, box.half_size, grid, upside_down)
    return -upside_down


def _draw(center: Vec3, rotation: np.ndarray, half_size: Vec3, grid: Grid, heights: np.ndarray) -> None:
    half = np.array(half_size)
    extent = np.abs(rotation) @ half
    # Cells whose centres can lie over the box.
    low = [math.ceil((center[a] - extent[a] - grid.origin[a]) / grid.cell - 0.5) for a in (0, 1)]
    high = [math.floor((center[a] + extent[a] - grid.origin[a]) / grid.cell - 0.5) + 1 for a in (0, 1)]
    window = tuple(slice(max(low[a], 0), min(max(high[a], 0), grid.shape[a])) for a in (0, 1))
    part = heights[window]
    if part.size == 0:
        return
    if np.abs(rotation - np.eye(3)).max() < 1e-9:
        np.maximum(part, np.float32(center[2] + half[2]), out=part)
        return
    x = grid.centers(0)[window[0], None] - center[0]
    y = grid.centers(1)[None, window[1]] - center[1]
    np.maximum(part, _top(x, y, rotation, half) + center[2], out=part, casting="same_kind")


def _top(x: np.ndarray, y: np.ndarray, rotation: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Where vertical lines at ``x``, ``y`` (relative to the centre) leave a turned box; -inf where they miss it."""
    upper = np.full(np.broadcast_shapes(x.shape, y.shape), np.inf)
    lower = -upper
    for axis in range(3):
        start = rotation[0, axis] * x + rotation[1, axis] * y
        slope = rotation[2, axis]
        if abs(slope) < 1e-9:
            upper = np.where(np.abs(start) <= half[axis], upper, -np.inf)
            continue
        first, second = (-half[axis] - start) / slope, (half[axis] - start) / slope
        upper = np.minimum(upper, np.maximum(first, second))
        lower = np.maximum(lower, np.minimum(first, second))
    return np.where(upper >= lower, upper, -np.inf)


def edge_raster(heights: np.ndarray, cell: float, slope: float, width: float) -> np.ndarray:
    """Cells on an edge of an obstacle.

    Between two neighbours along x whose heights differ by more than ``slope`` times the cell stands a wall; of the
    two, the lower cell is the edge. Edges are then widened by ``width`` both ways along x, so that with cells of
    5 cm and a width of 5 cm the first 5 cm of the upper surface count, and 10 cm at the wall's foot.

    Args:
        heights: ``[..., NX, NY]`` [m], without roughness.
        cell: side of a cell [m].
        slope: greatest slope that is no edge.
        width: widening to each side [m], rounded to whole cells.

    Returns:
        ``[..., NX, NY]`` bool.
    """
    rise = np.diff(heights, axis=-2)
    found = np.zeros(heights.shape, bool)
    found[..., :-1, :] |= rise > slope * cell
    found[..., 1:, :] |= rise < -slope * cell
    edges = found.copy()
    for shift in range(1, round(width / cell) + 1):
        edges[..., shift:, :] |= found[..., :-shift, :]
        edges[..., :-shift, :] |= found[..., shift:, :]
    return edges
