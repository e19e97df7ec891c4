"""Gaps between platforms over a pit."""

from __future__ import annotations

import numpy as np

from parkour.params import Params, param
from parkour.terrain.box import Box
from parkour.terrain.sub_terrain import PATCH_LENGTH, START_PLATFORM, SubTerrain
from parkour_terrains import common
from parkour_terrains.common import OBSTACLES, Draw, LengthDraw, Scaled, at, draw


class GapParams(Params):
    gap_length: Scaled = param((0.1, 0.8), unit="m")
    """Length of every gap at difficulty 0 and 1."""
    platform_length: LengthDraw = param((0.8, 1.5), unit="m")
    """Length of each platform between two gaps, a uniform draw."""
    half_width: LengthDraw = param((0.6, 1.2), unit="m")
    """Half width of the platforms, a uniform draw per course."""
    lateral_offset: Draw = param((-0.4, 0.4), unit="m")
    """Middle of each platform to the left of the patch's middle line, a uniform draw."""
    pit_depth: LengthDraw = param((0.2, 1.0), unit="m")
    """Depth of the pit in the gaps and beside the platforms, a uniform draw per course."""
    obstacles: int = param(OBSTACLES, ge=1, le=20)
    """Gaps; fewer where they would not fit into the patch."""


def gap(difficulty: float, rng: np.random.Generator, params: GapParams) -> SubTerrain:
    """Gaps of one length; the first begins where the start platform ends.

    Way points lie on the middles of the platforms. The platform behind the last gap is as wide as the patch, reaches
    its end and holds the last two way points.
    """
    length = at(difficulty, params.gap_length)
    half = draw(rng, params.half_width)
    depth = draw(rng, params.pit_depth)
    boxes = [common.pit_floor(depth), common.start_platform(depth)]
    goals = [(START_PLATFORM, 0.0)]
    x = START_PLATFORM
    for index in range(params.obstacles):
        begin = x + length
        x = begin + draw(rng, params.platform_length)
        y = draw(rng, params.lateral_offset)
        goals.append((min((begin + x) / 2, PATCH_LENGTH - common.GOAL_MARGIN), y))
        # Another gap, and half a metre to land on, must fit behind this platform.
        if index == params.obstacles - 1 or x + length > PATCH_LENGTH - 0.5:
            boxes.append(common.platform((begin, common.ENDS[1]), depth))
            break
        boxes.append(_platform((begin, x), y, half, depth))
    goals.append(common.finish(x + draw(rng, params.platform_length) / 2, goals[-1][0]))
    return common.sub_terrain(boxes, goals)


def _platform(x: tuple[float, float], y: float, half: float, depth: float) -> Box:
    return common.platform(x, depth, (y - half, y + half))
