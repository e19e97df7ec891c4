"""Tilted stones over a pit: the "parkour" stones."""

from __future__ import annotations

import numpy as np

from parkour.params import Params, param
from parkour.terrain.sub_terrain import PATCH_LENGTH, START_PLATFORM, SubTerrain
from parkour_terrains import common
from parkour_terrains.common import OBSTACLES, LengthDraw, Measure, Scaled, at, draw


class TiltParams(Params):
    width: float = param(1.0, unit="m", ge=0.1, le=4.0)
    """Extent of the stones along y, seen from above."""
    length_low: Scaled = param((0.9, 0.6), unit="m")
    """Lower end of the draw of the stones' length (one per course), at difficulty 0 and 1."""
    length_high: Scaled = param((1.0, 0.8), unit="m")
    """Upper end of the draw of the stones' length, at difficulty 0 and 1."""
    clearance_low: Measure = param((-0.1, -0.1), unit="m")
    """Lower end of the draw of each gap along x between two stones, at difficulty 0 and 1; below 0 they overlap."""
    clearance_high: Measure = param((0.1, 0.4), unit="m")
    """Upper end of the draw of each gap along x between two stones, at difficulty 0 and 1."""
    offset_low: Measure = param((0.2, 0.2), unit="m")
    """Lower end of the draw of each stone's distance from the middle line, at difficulty 0 and 1."""
    offset_high: Measure = param((0.3, 0.4), unit="m")
    """Upper end of the draw of each stone's distance from the middle line, at difficulty 0 and 1."""
    rise: Measure = param((0.0, 0.25), unit="m")
    """Height of the outer edges over the stones' middles, at difficulty 0 and 1."""
    last_length: float = param(1.6, unit="m", ge=0.1, le=8.0)
    """Length of the last stone."""
    last_rise: Measure = param((0.1, 0.25), unit="m")
    """Height of the last stone's outer edge over its middle, at difficulty 0 and 1."""
    pit_depth: LengthDraw = param((0.2, 1.0), unit="m")
    """Depth of the pit, a uniform draw per course."""
    obstacles: int = param(OBSTACLES, ge=1, le=15)
    """Stones; fewer where they would not fit into the patch."""


def tilt(difficulty: float, rng: np.random.Generator, params: TiltParams) -> SubTerrain:
    """Stones left and right in turn, each rolled so that its outer edge is up, and a flat platform right behind them.

    The spacing rule holds from the start platform's end to the first stone too, but no stone reaches into the start
    platform. Way points lie half a stone before the start platform's end and on the stones' middles.
    """
    length = draw(rng, (at(difficulty, params.length_low), at(difficulty, params.length_high)))
    clearance = at(difficulty, params.clearance_low), at(difficulty, params.clearance_high)
    offset = at(difficulty, params.offset_low), at(difficulty, params.offset_high)
    depth = draw(rng, params.pit_depth)
    side = 1 if rng.random() < 0.5 else -1
    boxes = [common.pit_floor(depth), common.start_platform(depth)]
    goals = [(START_PLATFORM - length / 2, 0.0)]
    x = START_PLATFORM
    for index in range(params.obstacles):
        space = draw(rng, clearance)
        begin = x + (space if index else max(space, 0.0))
        # The last stone is the long one; a stone that leaves no room for it becomes it.
        last = index == params.obstacles - 1 or begin + length + clearance[1] + params.last_length > PATCH_LENGTH - 0.5
        x = begin + (params.last_length if last else length)
        y = side * draw(rng, offset)
        rise = at(difficulty, params.last_rise if last else params.rise)
        boxes += common.tilted_stone((begin, x), y, side=side, rise=rise, width=params.width, top=0.0, base=-depth)
        goals.append(((begin + x) / 2, y))
        side = -side
        if last:
            break
    boxes.append(common.platform((x, common.ENDS[1]), depth))
    goals.append(common.finish(x + length + draw(rng, clearance), x))
    return common.sub_terrain(boxes, goals)
