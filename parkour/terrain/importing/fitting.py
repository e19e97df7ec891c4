"""Boxes under a surface: few of them, level or sloping, nowhere further from it than a tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from parkour.errors import TerrainError
from parkour.stages import stage
from parkour.terrain.box import Box, Quat
from parkour.terrain.importing.surface import Surface
from parkour.terrain.raster import Grid, height_raster

SEEDS = 12
"""Places from which a box is tried to grow, before the one that covers most is taken."""
STEEPEST = 0.8
"""Slope, along x and along y, beyond which a box does not follow the surface but stays level."""
SHELL = 0.15
"""A sloping box is this thick at least [m]: feet that hit it hard do not get through."""
THICKEST = 0.5
"""… and this at most [m], or its sides, which lean, would stick out."""
COUNTED = 1500
"""Boxes laid before a surface that does not fit is given up."""
SLACK = 0.02
"""Part of the tolerance that is kept for rounding to single precision."""

Window = tuple[int, int, int, int]
"""Cells: x from, to (exclusive), y from, to (exclusive)."""


@dataclass(frozen=True)
class _Candidate:
    box: Box
    window: Window
    gain: int
    """Cells that it covers and that nothing covered before."""


def fit_boxes(surface: Surface, tolerance: float, max_boxes: int, *, seed: int = 0) -> list[Box]:
    """Boxes whose upper surface is within ``tolerance`` of the surface at the middle of every cell.

    Greedy: from some cells that are still bare rectangles grow, once as a level box and once as one that slopes with
    the surface, and the one that covers most new cells is taken. No box comes out more than the tolerance above the
    surface anywhere, its leaning sides included, so one may run under others and none spoils what another covers. Few
    boxes, not provably the fewest.

    Args:
        surface: the heights.
        tolerance: greatest distance along z [m], above 0.
        max_boxes: how many there may be.
        seed: of the places that are tried.

    Raises:
        TerrainError: it takes more boxes; says how many, and what helps.
    """
    fit = _Fit(surface, tolerance * (1.0 - SLACK))
    rng = np.random.default_rng(seed)
    boxes: list[Box] = []
    with stage("laying boxes, cells covered", total=fit.bare.size) as covered:
        while fit.bare.any() and len(boxes) <= max(COUNTED, max_boxes):
            best = max(fit.candidates(rng), key=lambda candidate: candidate.gain)
            fit.take(best)
            boxes.append(best.box)
            for _ in range(best.gain):
                covered()
    if len(boxes) > max_boxes:
        more = "more than " if fit.bare.any() else ""
        low, high = surface.heights.min(), surface.heights.max()
        raise TerrainError(
            f"the surface, {low:.2f} to {high:.2f} m high, needs {more}{len(boxes)} boxes to be met within "
            f"{tolerance:g} m, expected {max_boxes} at most",
            hint="coarser: --cell, a greater --tolerance, or more boxes: --max-boxes or course.max_boxes (up to 512); "
            "where that is not its height: --height of a height map, --scale of a mesh",
        )
    return boxes


class _Fit:
    """The surface, and what of it is still bare."""

    def __init__(self, surface: Surface, tolerance: float) -> None:
        self.heights, self.tolerance = surface.heights, tolerance
        self.grid = Grid(surface.origin, surface.heights.shape, surface.cell)
        self.bare = np.ones(surface.heights.shape, bool)
        self.base = float(surface.heights.min()) - SHELL
        self._nothing = np.full(surface.heights.shape, -np.inf)
        self.x, self.y = self.grid.centers(0), self.grid.centers(1)

    def take(self, candidate: _Candidate) -> None:
        x0, x1, y0, y1 = candidate.window
        self.bare[x0:x1, y0:y1] = False

    def candidates(self, rng: np.random.Generator) -> Iterator[_Candidate]:
        """What grows from some of the bare cells; at least one."""
        bare = np.argwhere(self.bare)
        picked = bare[rng.permutation(len(bare))[: SEEDS - 1]]
        for i, j in [tuple(bare[0]), *map(tuple, picked)]:
            for sloping in (False, True):
                if (found := self._grow(int(i), int(j), sloping)) is not None:
                    yield found

    def _grow(self, i: int, j: int, sloping: bool) -> _Candidate | None:
        """The box of a greatest rectangle around a cell: side by side in turn, by steps that double and halve."""
        window: Window = (i, i + 1, j, j + 1)
        best = self._candidate(window, sloping)
        if best is None:
            return None
        steps = [1, 1, 1, 1]
        growing = True
        while growing:
            growing = False
            for side in range(4):
                wider = self._wider(best.window, side, steps[side])
                found = None if wider == best.window else self._candidate(wider, sloping)
                if found is not None and found.gain >= best.gain:
                    best, growing = found, True
                    steps[side] *= 2
                elif steps[side] > 1:
                    growing = True
                    steps[side] //= 2
        return best

    def _wider(self, window: Window, side: int, step: int) -> Window:
        x0, x1, y0, y1 = window
        nx, ny = self.heights.shape
        if side == 0:
            return (x0, min(nx, x1 + step), y0, y1)
        if side == 1:
            return (x0, x1, y0, min(ny, y1 + step))
        if side == 2:
            return (max(0, x0 - step), x1, y0, y1)
        return (x0, x1, max(0, y0 - step), y1)

    def _candidate(self, window: Window, sloping: bool) -> _Candidate | None:
        """The box over a rectangle of cells; None where it would stand out of the surface or leave bare cells low."""
        x0, x1, y0, y1 = window
        part, bare = self.heights[x0:x1, y0:y1], self.bare[x0:x1, y0:y1]
        plane = _plane(part, bare, self.grid.cell) if sloping else (0.0, 0.0)
        if max(abs(plane[0]), abs(plane[1])) > STEEPEST:
            return None
        a, b = plane
        x, y = self.x[x0:x1, None], self.y[None, y0:y1]
        mid_x, mid_y = float(x.mean()), float(y.mean())
        rest = part - a * (x - mid_x) - b * (y - mid_y)
        # As high as the lowest of all cells allows: hidden cells do not ask for more.
        level = min(float(rest.min()) + self.tolerance, self._wanted(rest, bare))
        if bare.any() and float(rest[bare].max()) - level > self.tolerance:
            return None
        box = self._box(window, (mid_x, mid_y, level), (a, b))
        if box is None:
            return None
        off = height_raster([box], self.grid, self._nothing) - self.heights
        # Only cells of the rectangle itself are covered whole; of what it covers besides, parts would stay bare.
        if (off > self.tolerance).any() or (bare & (off[x0:x1, y0:y1] < -self.tolerance)).any():
            return None
        return _Candidate(box, window, int(bare.sum()))

    def _wanted(self, rest: np.ndarray, bare: np.ndarray) -> float:
        """The level in the middle of the bare cells' heights."""
        return float(rest[bare].max() + rest[bare].min()) / 2 if bare.any() else float(rest.min())

    def _box(self, window: Window, top: tuple[float, float, float], slope: tuple[float, float]) -> Box | None:
        x0, x1, y0, y1 = window
        cell = self.grid.cell
        size = ((x1 - x0) * cell, (y1 - y0) * cell)
        if slope == (0.0, 0.0):
            x, y, z = top
            return Box.slab((x - size[0] / 2, x + size[0] / 2), (y - size[1] / 2, y + size[1] / 2), z, z - self.base)
        thickness = self._thickness(window, top, slope)
        return None if thickness is None else sloping_slab(top, slope, size, thickness)

    def _thickness(self, window: Window, top: tuple[float, float, float], slope: tuple[float, float]) -> float | None:
        """So much that no hole is left under the box, seen from the lower cells around it."""
        x0, x1, y0, y1 = window
        nx, ny = self.heights.shape
        ring = (slice(max(0, x0 - 1), min(nx, x1 + 1)), slice(max(0, y0 - 1), min(ny, y1 + 1)))
        x, y = self.x[ring[0], None], self.y[None, ring[1]]
        drop = top[2] + slope[0] * (x - top[0]) + slope[1] * (y - top[1]) - self.heights[ring]
        needed = max(SHELL, float(drop.max()) + self.tolerance + SHELL / 2)
        return needed if needed <= THICKEST else None


def _plane(part: np.ndarray, bare: np.ndarray, cell: float) -> tuple[float, float]:
    """Slopes along x and y of the plane through the bare cells, by least squares; level where they are too few."""
    i, j = np.nonzero(bare)
    if len(i) < 2:
        return 0.0, 0.0
    values = part[i, j]
    i, j = (i - i.mean()) * cell, (j - j.mean()) * cell
    xx, yy, xy = float(i @ i), float(j @ j), float(i @ j)
    xz, yz = float(i @ values), float(j @ values)
    det = xx * yy - xy * xy
    if det > 1e-9 * max(xx, yy) ** 2:
        return (xz * yy - yz * xy) / det, (yz * xx - xz * xy) / det
    if xx >= yy:
        return xz / xx, 0.0
    return 0.0, yz / yy


def sloping_slab(
    top: tuple[float, float, float], slope: tuple[float, float], size: tuple[float, float], thickness: float
) -> Box:
    """A box whose top goes through ``top`` with a slope along x and y, over all of a rectangle seen from above.

    With slopes along both axes the top is sheared, seen from above: it is longer by as much, so that no slits are left
    between boxes. Sides are normal to the top, and lean.

    Args:
        top: middle of the top [m].
        slope: rise per metre along x and y.
        size: extents along x and y, seen from above [m].
        thickness: extent below the top, normal to it [m].
    """
    a, b = slope
    forward = np.array([1.0, 0.0, a]) / math.hypot(1.0, a)
    normal = np.array([-a, -b, 1.0]) / math.sqrt(1.0 + a * a + b * b)
    left = np.cross(normal, forward)
    rotation = np.stack([forward, left, normal], axis=1)
    center = np.array(top) - normal * (thickness / 2)
    x, y, z = center.tolist()
    length = size[0] + size[1] * abs(float(left[0] / left[1]))
    half = (length / 2 / forward[0], size[1] / 2 / left[1], thickness / 2)
    return Box((x, y, z), (float(half[0]), float(half[1]), half[2]), _quaternion(rotation))


def _quaternion(rotation: np.ndarray) -> Quat:
    """(w, x, y, z) of a rotation by less than half a turn."""
    w = math.sqrt(max(0.0, 1.0 + float(np.trace(rotation)))) / 2
    x = float(rotation[2, 1] - rotation[1, 2]) / (4 * w)
    y = float(rotation[0, 2] - rotation[2, 0]) / (4 * w)
    z = float(rotation[1, 0] - rotation[0, 1]) / (4 * w)
    return (w, x, y, z)
