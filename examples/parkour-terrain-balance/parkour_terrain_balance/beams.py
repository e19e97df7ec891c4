"""Beams over a pit."""

import numpy as np
from parkour import Params, Range, SubTerrain, param
from parkour.terrain.sub_terrain import START_PLATFORM

from parkour_terrain_balance.pit import at, last_platform, pit, platform

IN_LINE = 0.2
"""Distance of the way points from the ends of their beam [m]."""
REST_HALF_WIDTH = 1.0
"""Half width of the platforms between beams [m]."""


class BeamParams(Params):
    """Numbers that a task can set."""

    width: Range = param((0.7, 0.3), unit="m")
    """Width of the beams at difficulty 0 and 1."""
    length: Range = param((2.4, 3.2), unit="m")
    """Length of each beam, a uniform draw."""
    rest: float = param(1.0, unit="m", ge=0.5, le=1.5)
    """Length of the platforms between beams."""
    lateral_offset: Range = param((-0.3, 0.3), unit="m")
    """Middle of each beam to the left of the patch's middle line, a uniform draw."""
    pit_depth: Range = param((0.3, 1.0), unit="m")
    """Depth of the pit, a uniform draw per course."""
    beams: int = param(3, ge=1, le=3)
    """Beams, one behind the other."""


def balance_beam(difficulty: float, rng: np.random.Generator, params: BeamParams) -> SubTerrain:
    """Beams that lead from platform to platform.

    Way points lie on the platforms, in line with each beam before and behind it: the straight way from one to the next
    never leaves the ground.
    """
    half = at(difficulty, params.width) / 2
    depth = float(rng.uniform(*params.pit_depth))
    boxes, goals = pit(depth), []
    x = START_PLATFORM
    for index in range(params.beams):
        end = x + float(rng.uniform(*params.length))
        y = float(rng.uniform(*params.lateral_offset))
        boxes.append(platform((x, end), (y - half, y + half), depth))
        goals += [(x - IN_LINE, y), (end + IN_LINE, y)]
        x = end
        if index < params.beams - 1:
            boxes.append(platform((x, x + params.rest), (-REST_HALF_WIDTH, REST_HALF_WIDTH), depth))
            x += params.rest
    box, goal = last_platform(x, depth)
    return SubTerrain([*boxes, box], np.array([*goals, goal]))
