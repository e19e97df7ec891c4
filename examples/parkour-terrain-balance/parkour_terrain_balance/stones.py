"""Stepping stones over a pit."""

import numpy as np
from parkour import Params, Range, SubTerrain, param
from parkour.terrain.sub_terrain import PATCH_LENGTH, START_PLATFORM

from parkour_terrain_balance.pit import at, last_platform, pit, platform

LAST_PLATFORM = 1.5
"""Room that is kept behind the last stone [m]."""
WAY_POINTS = 6
"""Stones that have one: with the two on the platforms as many as a task allows."""


class StoneParams(Params):
    """Numbers that a task can set."""

    length: Range = param((0.8, 0.5), unit="m")
    """Extent of a stone along the course at difficulty 0 and 1."""
    width: Range = param((1.2, 0.7), unit="m")
    """Its extent across, at difficulty 0 and 1."""
    space: Range = param((0.08, 0.35), unit="m")
    """Space between stones at difficulty 0 and 1."""
    lateral_offset: Range = param((0.0, 0.12), unit="m")
    """How far stones lie to the left and right of the middle line, in turn: a uniform draw."""
    pit_depth: Range = param((0.3, 1.0), unit="m")
    """Depth of the pit, a uniform draw per course."""
    stones: int = param(12, ge=2, le=16)
    """Stones; fewer where they would not fit into the patch."""


def stepping_stones(difficulty: float, rng: np.random.Generator, params: StoneParams) -> SubTerrain:
    """A row of stones; way points lie on some of them, spread evenly."""
    length, space = at(difficulty, params.length), at(difficulty, params.space)
    half = at(difficulty, params.width) / 2
    depth = float(rng.uniform(*params.pit_depth))
    side = float(rng.choice((-1.0, 1.0)))
    boxes, middles = pit(depth), []
    x = START_PLATFORM + space
    while len(middles) < params.stones and x + length + space < PATCH_LENGTH - LAST_PLATFORM:
        y = side * float(rng.uniform(*params.lateral_offset))
        boxes.append(platform((x, x + length), (y - half, y + half), depth))
        middles.append((x + length / 2, y))
        side, x = -side, x + length + space
    box, goal = last_platform(x, depth)
    chosen = np.unique(np.linspace(0, len(middles) - 1, min(WAY_POINTS, len(middles))).round().astype(int))
    goals = [(START_PLATFORM, 0.0), *(middles[k] for k in chosen), goal]
    return SubTerrain([*boxes, box], np.array(goals))
