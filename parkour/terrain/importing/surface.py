"""A surface to be made of boxes: heights of square cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from parkour.errors import TerrainError

MOST_CELLS = 4_000_000
"""Of a file's own grid, or of a mesh's raster."""
MOST_DRAWN = 100_000_000
"""Cells that all triangles of a mesh reach over together: a thousand large ones on top of each other take as long as
millions of small ones."""


@dataclass(frozen=True)
class Surface:
    """Heights of the middles of square cells."""

    heights: np.ndarray
    """``[NX, NY]`` [m]; finite."""
    cell: float
    """Side of a cell [m]."""
    origin: tuple[float, float] = (0.0, 0.0)
    """Corner of cell [0, 0] with the least x and y [m]."""
    bare: np.ndarray | None = None
    """``[NX, NY]`` bool: cells where a mesh has a hole, whose height is made up; None where nothing is."""

    @property
    def size(self) -> tuple[float, float]:
        """Extents along x and y [m]."""
        return self.heights.shape[0] * self.cell, self.heights.shape[1] * self.cell

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """``[len(x), len(y)]`` heights between the middles of cells, bilinear; beyond the border as at it [m]."""
        i0, i1, s = self._between(x, 0)
        j0, j1, t = self._between(y, 1)
        low = self.heights[i0][:, j0] * (1 - t) + self.heights[i0][:, j1] * t
        high = self.heights[i1][:, j0] * (1 - t) + self.heights[i1][:, j1] * t
        return low * (1 - s[:, None]) + high * s[:, None]

    def part(self, x: tuple[float, float], y: tuple[float, float], cell: float) -> Surface:
        """The rectangle between ``x`` and ``y`` in cells of another size, whole ones."""
        count = [max(1, math.floor((high - low) / cell + 1e-6)) for low, high in (x, y)]
        xs = x[0] + (np.arange(count[0]) + 0.5) * cell
        ys = y[0] + (np.arange(count[1]) + 0.5) * cell
        return Surface(self.at(xs, ys), cell, (x[0], y[0]), self._bare_at(xs, ys))

    def _bare_at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
        if self.bare is None:
            return None
        i, j = (
            np.clip(np.floor((values - self.origin[axis]) / self.cell).astype(int), 0, self.bare.shape[axis] - 1)
            for axis, values in enumerate((x, y))
        )
        return self.bare[i][:, j]

    def _between(self, values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The cells whose middles are before and after each value, and how far between them it lies."""
        last = self.heights.shape[axis] - 1
        place = np.clip((np.asarray(values) - self.origin[axis]) / self.cell - 0.5, 0.0, last)
        first = np.minimum(np.floor(place).astype(int), max(last - 1, 0))
        return first, np.minimum(first + 1, last), place - first


def surface_of_triangles(corners: np.ndarray, cell: float) -> Surface:
    """The highest surface of triangles, seen from above.

    Args:
        corners: ``[F, 3, 3]`` triangle, corner, x y z [m].
        cell: side of a cell [m].

    Raises:
        TerrainError: there is no area to be seen, or it takes more than :data:`MOST_CELLS` cells or
            :data:`MOST_DRAWN` of all triangles.
    """
    low, high = corners[..., :2].min((0, 1)), corners[..., :2].max((0, 1))
    count = np.floor((high - low) / cell + 1e-6)
    if not (count >= 1).all():
        raise TerrainError(
            f"the mesh is {high[0] - low[0]:.3g} by {high[1] - low[1]:.3g} m seen from above, expected cells of "
            f"{cell:g} m or more",
            hint="--scale (a file in millimetres: 0.001), --up (the axis that points up)",
        )
    check_cells(count, cell, "--scale (a file in millimetres: 0.001), coarser cells (--cell), or a smaller file")
    nx, ny = (int(n) for n in count)
    heights = np.full(nx * ny, -np.inf)
    places = (corners[..., :2] - low) / cell - 0.5
    first = np.maximum(np.ceil(places.min(1) - 1e-9), 0).astype(int)
    last = np.minimum(np.floor(places.max(1) + 1e-9), [nx - 1, ny - 1]).astype(int)
    size = np.maximum(last - first + 1, 0)
    drawn = float(size.prod(1).sum(dtype=float))
    if drawn > MOST_DRAWN:
        raise TerrainError(
            f"the triangles of the mesh reach over {drawn:,.0f} cells of {cell:g} m, expected at most {MOST_DRAWN:,} "
            "together: they lie on top of each other",
            hint="take coarser cells, or a mesh of the ground alone",
        )
    for chunk in _chunks(size.prod(1)):
        _draw(places[chunk], corners[chunk, :, 2], first[chunk], size[chunk], ny, heights)
    hidden = ~np.isfinite(heights)
    if hidden.all():
        raise TerrainError("the mesh has no surface seen from above", hint="--up (the axis that points up)")
    # Where the mesh has holes there is a pit, as deep as its lowest place.
    heights[hidden] = heights[~hidden].min()
    x, y = low.tolist()
    return Surface(heights.reshape(nx, ny), cell, (x, y), hidden.reshape(nx, ny) if hidden.any() else None)


def check_cells(count: np.ndarray | tuple[int, ...], cell: float, hint: str) -> None:
    """Raises :class:`TerrainError` where a grid of ``count`` cells would be too large; ``hint`` says what helps."""
    total = float(np.prod(np.asarray(count, float)))
    if total > MOST_CELLS:
        raise TerrainError(
            f"the surface takes {total:,.0f} cells of {cell:g} m, expected at most {MOST_CELLS:,}",
            hint=hint,
        )


def _chunks(cells: np.ndarray, most: int = 2_000_000) -> list[np.ndarray]:
    """Triangles that together have at most about ``most`` cells to be looked at."""
    found = np.flatnonzero(cells)
    if len(found) == 0:
        return []
    group = np.cumsum(cells[found]) // most
    return np.split(found, np.flatnonzero(np.diff(group)) + 1)


def _draw(places: np.ndarray, z: np.ndarray, first: np.ndarray, size: np.ndarray, ny: int, heights: np.ndarray) -> None:
    """Raises ``heights`` ``[NX * NY]`` to the triangles: ``places`` ``[F, 3, 2]`` in cells, ``z`` ``[F, 3]``."""
    count = size.prod(1)
    which = np.repeat(np.arange(len(size)), count)
    within = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    i = first[which, 0] + within // size[which, 1]
    j = first[which, 1] + within % size[which, 1]
    a, b, c = (places[which, k] for k in range(3))
    det = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    upright = np.abs(det) < 1e-12
    det = np.where(upright, 1.0, det)
    p = np.stack([i, j], -1) - a
    s = (p[:, 0] * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * p[:, 1]) / det
    t = ((b[:, 0] - a[:, 0]) * p[:, 1] - p[:, 0] * (b[:, 1] - a[:, 1])) / det
    inside = (s >= -1e-6) & (t >= -1e-6) & (s + t <= 1 + 1e-6) & ~upright
    height = z[which, 0] + s * (z[which, 1] - z[which, 0]) + t * (z[which, 2] - z[which, 0])
    np.maximum.at(heights, (i * ny + j)[inside], height[inside])
