"""What both terrains are built over and from."""

import numpy as np
from parkour import Box, Range
from parkour.terrain.sub_terrain import MARGIN, PATCH_LENGTH, PATCH_WIDTH, START_PLATFORM

SIDES = (-PATCH_WIDTH / 2 - MARGIN, PATCH_WIDTH / 2 + MARGIN)
"""Ends along y of what spans the whole patch [m]."""
EMBED = 0.1
"""How far platforms reach into the pit's floor [m]."""


def at(difficulty: float, pair: Range) -> float:
    """The value at ``difficulty`` of a quantity that is given at difficulty 0 and 1."""
    return float(np.interp(difficulty, (0.0, 1.0), pair))


def pit(depth: float) -> list[Box]:
    """The floor of a pit under the whole patch, and the platform on which robots start."""
    floor = Box.slab((-MARGIN, PATCH_LENGTH + MARGIN), SIDES, -depth, walkable=False)
    return [floor, platform((-MARGIN, START_PLATFORM), SIDES, depth)]


def platform(x: tuple[float, float], y: tuple[float, float], depth: float) -> Box:
    """A box at height 0 that stands on the floor of the pit."""
    return Box.slab(x, y, 0.0, depth + EMBED)


def last_platform(x: float, depth: float) -> tuple[Box, tuple[float, float]]:
    """A platform from ``x`` to the end of the patch, and the way point on it."""
    return platform((x, PATCH_LENGTH + MARGIN), SIDES, depth), (min(x + 0.6, PATCH_LENGTH - 0.1), 0.0)
