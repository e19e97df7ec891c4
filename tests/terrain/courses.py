"""Small terrains for tests of the field: generators that do right, and ones that do wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from parkour.tasks.sections import CourseField
from parkour.terrain.box import Box
from parkour.terrain.sub_terrain import SubTerrain
from parkour_terrains.plugin import register_terrains
from tests.components import load

GROUND = Box.slab((-1.0, 17.0), (-3.0, 3.0), 0.0)


def course(**changes: Any) -> CourseField:
    """The default field with changes."""
    return CourseField.model_validate(changes)


def builtin(**shares: float) -> dict[str, tuple[Any, Any, float, bool]]:
    """Built-in terrains with default parameters, by the shares given (the reference's equal when none is)."""
    specs = {spec.name: spec for spec in register_terrains()}
    shares = shares or {name: 1.0 for name in specs if name not in ("crawl", "imported", "field")}
    return {
        name: (load(specs[name].target), load(specs[name].params or "")(), share, specs[name].flat)
        for name, share in shares.items()
    }


def plain(difficulty: float, rng: np.random.Generator, params: Any) -> SubTerrain:
    """Level ground, one drawn way point."""
    return SubTerrain([GROUND], np.array([[rng.uniform(3.0, 15.0), 0.0]]))


def returning(boxes: Sequence[Box] = (GROUND,), goals: Any = ((5.0, 0.0),), **rest: Any) -> Callable[..., Any]:
    """A generator of one fixed patch."""
    return lambda difficulty, rng, params: SubTerrain(boxes, np.array(goals), **rest)


def surface(boxes: Sequence[Box], x: float, y: float) -> float:
    """Where a ray down meets the highest box: written for clearness, face by face. -inf where it meets none."""
    best = -np.inf
    for box in boxes:
        low, high = -np.inf, np.inf
        for axis in range(3):
            normal = box.rotation()[:, axis]
            along = normal[0] * (x - box.center[0]) + normal[1] * (y - box.center[1]) - normal[2] * box.center[2]
            # Inside the slab of this axis: -half <= along + normal_z * z <= half.
            if abs(normal[2]) < 1e-12:
                if abs(along) > box.half_size[axis]:
                    high = -np.inf
                continue
            bounds = sorted((sign * box.half_size[axis] - along) / normal[2] for sign in (-1, 1))
            low, high = max(low, bounds[0]), min(high, bounds[1])
        if low <= high:
            best = max(best, high)
    return best
