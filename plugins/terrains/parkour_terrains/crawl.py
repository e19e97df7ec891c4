"""Bars across level ground, to crawl under."""

from __future__ import annotations

import numpy as np

from parkour.params import Params, param
from parkour.terrain.box import Box
from parkour.terrain.sub_terrain import START_PLATFORM, SubTerrain
from parkour_terrains import common
from parkour_terrains.common import OBSTACLES, Draw, LengthDraw, Scaled, at, draw
from parkour_terrains.hurdle import places


class CrawlParams(Params):
    clearance: Scaled = param((0.45, 0.22), unit="m")
    """Height of every bar's underside at difficulty 0 and 1."""
    spacing: LengthDraw = param((1.2, 2.2), unit="m")
    """Distance along x to each bar's middle from the one before it or the start platform's end, a uniform draw."""
    length: LengthDraw = param((0.2, 0.5), unit="m")
    """Extent of each bar along x, a uniform draw."""
    thickness: float = param(0.5, unit="m", ge=0.05, le=2.0)
    """From the underside to the top: too high to be climbed."""
    lateral_offset: Draw = param((-0.4, 0.4), unit="m")
    """Way point before each bar to the left of the patch's middle line, a uniform draw."""
    obstacles: int = param(OBSTACLES, ge=1, le=20)
    """Bars; fewer where they would not fit into the patch."""
    overhead: bool = param(True)
    """Whether scans tell the bars from the ground. False shows them as the walls that a raster of the highest surfaces
    makes of them, to compare."""


def crawl(difficulty: float, rng: np.random.Generator, params: CrawlParams) -> SubTerrain:
    """Bars of one clearance across the whole patch; way points lie half-way to each."""
    bottom = at(difficulty, params.clearance)
    top = bottom + params.thickness
    longest = params.length[1] / 2
    boxes = [common.ground()]
    goals = [(START_PLATFORM, 0.0)]
    end = middle = START_PLATFORM
    for x, y, goal in places(rng, params.spacing, params.lateral_offset, params.obstacles, longest):
        half = draw(rng, params.length) / 2
        bar = Box.slab(
            (x - half, x + half), common.SIDES, top, params.thickness, walkable=False, overhead=params.overhead
        )
        boxes.append(bar)
        goals.append((goal, y))
        middle, end = x, x + half
    goals.append(common.finish(middle + draw(rng, params.spacing), end))
    return common.sub_terrain(boxes, goals)
