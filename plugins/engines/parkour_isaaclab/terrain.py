"""A field of patches as one triangle mesh, laid out on a grid of cells between which environments move."""

from __future__ import annotations

import numpy as np

from parkour.terrain.field import PARKED_DEPTH, TerrainField
from parkour.terrain.raster import Grid

GAP = 4.0
"""Emptiness between neighbouring patches [m]: whoever leaves a patch falls, as on every engine."""

# Corners of a box by the signs of their coordinates, and its twelve triangles, counter-clockwise from outside.
_CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
_FACES = np.array(
    [
        (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
        (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
    ]
)  # fmt: skip


def cell_origins(levels: int, columns: int, grid: Grid) -> np.ndarray:
    """``[levels, columns, 3]`` float32: where each patch's own origin lies in the world [m].

    The field is centred on the world's origin: floating-point numbers are finest there.
    """
    pitch = np.array([size * grid.cell + GAP for size in grid.shape])
    index = np.stack(np.meshgrid(np.arange(levels), np.arange(columns), indexing="ij"), axis=-1)
    corner = (index - np.array([levels, columns]) / 2) * pitch + GAP / 2
    origins = np.zeros((levels, columns, 3), np.float32)
    origins[..., :2] = corner - np.array(grid.origin)
    return origins


def field_mesh(field: TerrainField) -> tuple[np.ndarray, np.ndarray]:
    """The boxes of all patches as triangles.

    Returns:
        ``[V, 3]`` vertices [m] and ``[F, 3]`` int64 corners of the faces; eight vertices and twelve faces per box.
    """
    origins = cell_origins(field.levels, field.columns, field.grid).reshape(-1, 1, 3)
    used = field.boxes[..., 2] > PARKED_DEPTH + 1.0
    rows = field.boxes.astype(np.float64)
    rows[..., :3] += origins
    return boxes_mesh(rows[used])


def boxes_mesh(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of boxes ``[M, 10]``: centre, quaternion (w, x, y, z), half extents."""
    corners = _CORNERS[None] * boxes[:, None, 7:]
    vertices = np.einsum("mij,mkj->mki", _rotations(boxes[:, 3:7]), corners) + boxes[:, None, :3]
    faces = _FACES[None] + 8 * np.arange(len(boxes))[:, None, None]
    return vertices.reshape(-1, 3), faces.reshape(-1, 3)


def _rotations(quat: np.ndarray) -> np.ndarray:
    w, x, y, z = quat.T
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return np.stack(rows, axis=-1).reshape(-1, 3, 3)
