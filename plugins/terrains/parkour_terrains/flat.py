"""Level ground with the way points of the hurdles."""

from __future__ import annotations

import numpy as np

from parkour.params import Params, param
from parkour.terrain.sub_terrain import START_PLATFORM, SubTerrain
from parkour_terrains import common
from parkour_terrains.common import OBSTACLES, Draw, LengthDraw, draw
from parkour_terrains.hurdle import places


class FlatParams(Params):
    spacing: LengthDraw = param((1.2, 2.2), unit="m")
    """Distance along x between the places where hurdles would stand, a uniform draw."""
    lateral_offset: Draw = param((-0.4, 0.4), unit="m")
    """Way points to the left of the patch's middle line, a uniform draw."""
    obstacles: int = param(OBSTACLES, ge=1, le=20)
    """Places where hurdles would stand; fewer where they would not fit into the patch."""


def flat(difficulty: float, rng: np.random.Generator, params: FlatParams) -> SubTerrain:
    """The hurdles' way points without hurdles; the same at every difficulty but for the roughness."""
    found = places(rng, params.spacing, params.lateral_offset, params.obstacles, 0.0)
    goals = [(START_PLATFORM, 0.0), *((goal, y) for _, y, goal in found)]
    end = found[-1][0] if found else START_PLATFORM
    goals.append(common.finish(end + draw(rng, params.spacing), end))
    return common.sub_terrain([common.ground()], goals)
