"""From a piecewise-constant height field to boxes."""

from __future__ import annotations

from typing import Any

import numpy as np

from parkour.errors import TerrainError
from parkour.terrain.box import Box

BASE = 0.5
"""Boxes reach this far below the lowest height [m]."""
COUNTED = 1000
"""Boxes counted before a field that does not fit is given up."""


def boxes_from_heights(
    heights: np.ndarray, cell: float, *, origin: tuple[float, float], max_boxes: int, extend: float, tolerance: float,
    walkable_above: float,
) -> list[Box]:  # fmt: skip
    """Covers a height field with boxes, each a rectangle of equal height; see :meth:`SubTerrain.from_heights`.

    Heights are taken from the lowest up. A rectangle may run under higher cells, which hide it, so that ground under
    obstacles is one box. Greedy: of the two ways to grow a rectangle (along x first, along y first) the one that
    covers more is taken; few boxes, not provably the fewest.
    """
    heights = _checked(heights, cell, tolerance)
    base = float(heights.min()) - BASE
    boxes: list[Box] = []
    for height in np.unique(heights):
        open_cells = heights == height
        allowed = heights >= height
        while open_cells.any():
            x0, x1, y0, y1 = _rectangle(open_cells, allowed)
            open_cells[x0:x1, y0:y1] = False
            x = _ends(x0, x1, heights.shape[0], cell, origin[0], extend)
            y = _ends(y0, y1, heights.shape[1], cell, origin[1], extend)
            top = float(height)
            boxes.append(Box.slab(x, y, top, top - base, walkable=top >= walkable_above))
            if len(boxes) > max(COUNTED, max_boxes):
                _refuse(f"more than {len(boxes) - 1}", max_boxes)
    if len(boxes) > max_boxes:
        _refuse(str(len(boxes)), max_boxes)
    return boxes


def _refuse(needed: str, max_boxes: int) -> None:
    raise TerrainError(
        f"the height field needs {needed} boxes, expected at most {max_boxes}",
        hint="take coarser cells or fewer different heights, raise tolerance, or raise course.max_boxes (up to 512)",
    )


def _checked(heights: np.ndarray, cell: float, tolerance: float) -> np.ndarray:
    heights = np.asarray(heights, float)
    if heights.ndim != 2 or heights.size == 0:
        raise TerrainError(f"got heights of shape {heights.shape}, expected (cells along x, cells along y)")
    if not np.isfinite(heights).all():
        count = int((~np.isfinite(heights)).sum())
        raise TerrainError(f"got {count} heights that are NaN or infinite, expected finite ones")
    if not (np.isfinite(cell) and cell > 0):
        raise TerrainError(f"got a cell of {cell} m, expected above 0")
    return np.round(heights / tolerance) * tolerance if tolerance > 0 else heights


def _ends(first: int, last: int, count: int, cell: float, origin: float, extend: float) -> tuple[float, float]:
    """Ends of the cells ``first`` to ``last`` (exclusive) [m]; those at the field's border move out by ``extend``."""
    low = origin + first * cell - (extend if first == 0 else 0.0)
    high = origin + last * cell + (extend if last == count else 0.0)
    return low, high


def _rectangle(open_cells: np.ndarray, allowed: np.ndarray) -> tuple[int, int, int, int]:
    """Ends of a greatest rectangle of allowed cells around the first open cell: x from, to; y from, to."""
    i, j = (int(k) for k in np.unravel_index(np.argmax(open_cells), open_cells.shape))
    y0, y1 = _run(allowed[i], j, j + 1)
    x0, x1 = _run(np.all(allowed[:, y0:y1], axis=1), i, i + 1)
    along_y = (x0, x1, y0, y1)
    x0, x1 = _run(allowed[:, j], i, i + 1)
    y0, y1 = _run(np.all(allowed[x0:x1], axis=0), j, j + 1)
    along_x = (x0, x1, y0, y1)
    return max(along_x, along_y, key=lambda r: int(open_cells[r[0] : r[1], r[2] : r[3]].sum()))


def _run(free: Any, first: int, last: int) -> tuple[int, int]:
    """Of a row ``[n]`` of booleans: the longest run of free entries that contains ``first`` to ``last`` (exclusive)."""
    before, after = free[:first][::-1], free[last:]
    low = first - (len(before) if before.all() else int(np.argmin(before)))
    high = last + (len(after) if after.all() else int(np.argmin(after)))
    return low, high
