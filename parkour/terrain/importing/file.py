"""Courses as files: boxes and way points, and nothing else.

An ``.npz`` archive of two arrays, ``boxes`` ``[K, 10]`` (centre, quaternion w x y z, half extents) and ``goals``
``[G, 2]``, in patch coordinates [m]. What is read is checked like what a stranger sends.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from parkour.errors import TerrainError
from parkour.terrain.box import Box
from parkour.terrain.importing.course import MOST_BOXES
from parkour.terrain.sub_terrain import SubTerrain
from parkour_deploy.arrays import MalformedArraysError, read_arrays

LARGEST = 1 << 20
"""Bytes of a file."""
MOST_GOALS = 256
FARTHEST = 100.0
"""No box is further away, and none larger [m]."""


def save_course(course: SubTerrain, path: Path) -> None:
    """Writes boxes and way points.

    Raises:
        OSError: it cannot be written.
    """
    boxes = np.stack([box.row() for box in course.boxes])
    with path.open("wb") as file:
        np.savez_compressed(file, boxes=boxes, goals=np.asarray(course.goals, float))


def load_course(path: Path) -> SubTerrain:
    """The course in a file; nothing of it is laid with bumps.

    Raises:
        TerrainError: there is no such file, or it holds something else.
    """
    try:
        status = path.stat()
        if not path.is_file():
            raise TerrainError(f"terrain file {str(path)!r} is not a file")
        if status.st_size > LARGEST:
            raise TerrainError(f"terrain file {path.name}: got {status.st_size:,} bytes, expected at most {LARGEST:,}")
        return _load(path, status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        raise TerrainError(
            f"there is no terrain file {str(path)!r} (from {Path.cwd().name}/)",
            hint="parkour terrains import writes one; --set terrains.imported.params.file=FILE",
        ) from None
    except OSError as error:
        raise TerrainError(f"cannot read terrain file {str(path)!r}: {error.strerror or error}") from None


@lru_cache(maxsize=32)
def _load(path: Path, changed: int, size: int) -> SubTerrain:
    """Kept until the file changes: a field asks for it once per patch."""
    try:
        arrays = read_arrays(path)
    except MalformedArraysError as error:
        raise TerrainError(f"terrain file {path.name}: {error}") from None
    if set(arrays) != {"boxes", "goals"}:
        raise TerrainError(f"terrain file {path.name}: got the arrays {', '.join(arrays)}, expected boxes and goals")
    boxes, goals = arrays["boxes"], arrays["goals"]
    problem = _problem(boxes, goals)
    if problem:
        raise TerrainError(f"terrain file {path.name}: {problem}")
    made = SubTerrain(boxes=tuple(_box(row) for row in boxes.astype(float).tolist()), goals=goals.astype(float))
    made.check(path.name, MOST_BOXES, MOST_GOALS)
    return made


def _problem(boxes: np.ndarray, goals: np.ndarray) -> str | None:
    for name, array, width, most in (("boxes", boxes, 10, MOST_BOXES), ("goals", goals, 2, MOST_GOALS)):
        if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1:] != (width,):
            return f"got {name} of {array.dtype} and shape {array.shape}, expected numbers in rows of {width}"
        if not 1 <= len(array) <= most:
            return f"got {len(array)} {name}, expected 1 to {most}"
        if not np.isfinite(array).all() or np.abs(array).max() > FARTHEST:
            return f"a number of {name} is not finite or beyond {FARTHEST:g}"
    return None


def _box(row: list[float]) -> Box:
    x, y, z, qw, qx, qy, qz, hx, hy, hz = row
    return Box((x, y, z), (hx, hy, hz), (qw, qx, qy, qz), walkable=False)
