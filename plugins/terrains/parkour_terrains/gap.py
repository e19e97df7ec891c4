"""Gaps between platforms over a pit."""

from __future__ import annotations

import numpy as np

from parkour.params import Params, param
from parkour.terrain.sub_terrain import PATCH_LENGTH, START_PLATFORM, SubTerrain
from parkour_terrains import common
from parkour_terrains.common import OBSTACLES, Draw, LengthDraw, Scaled, at, draw

LANDING = 0.5
"""Room to land on behind the last gap [m]; a gap that leaves less is left out."""


class GapParams(Params):
    gap_length: Scaled = param((0.1, 0.8), unit="m")
    """Length of every gap at difficulty 0 and 1."""
    platform_length: LengthDraw = param((0.8, 1.5), unit="m")
    """Length of each platform between two gaps, a uniform draw; the first one is longer by half a gap."""
    half_width: LengthDraw = param((0.6, 1.2), unit="m")
    """Half width of the platforms, a uniform draw per course."""
    lateral_offset: Draw = param((-0.4, 0.4), unit="m")
    """Middle of each platform to the left of the patch's middle line, a uniform draw."""
    pit_depth: LengthDraw = param((0.2, 1.0), unit="m")
    """Depth of the pit in the gaps and beside the platforms, a uniform draw per course."""
    obstacles: int = param(OBSTACLES, ge=1, le=20)
    """Gaps; fewer where they would not fit into the patch."""


def gap(difficulty: float, rng: np.random.Generator, params: GapParams) -> SubTerrain:
    """Gaps of one length, each behind a platform; the first platform follows the start platform without a gap.

    Way points lie on the platforms, half-way from one gap's middle to the next. Behind the last gap the ground is as
    wide as the patch and reaches its end.
    """
    length = at(difficulty, params.gap_length)
    half = draw(rng, params.half_width)
    depth = draw(rng, params.pit_depth)
    boxes = [common.pit_floor(depth), common.start_platform(depth)]
    goals = [(START_PLATFORM, 0.0)]
    # Distances are measured from the middle of the last gap; the first platform has none before it.
    middle = begin = START_PLATFORM
    for _ in range(params.obstacles):
        spacing = draw(rng, params.platform_length) + length
        y = draw(rng, params.lateral_offset)
        goals.append((min(middle + spacing / 2, PATCH_LENGTH - common.GOAL_MARGIN), y))
        middle += spacing
        if middle + length / 2 > PATCH_LENGTH - LANDING:
            break
        boxes.append(common.platform((begin, middle - length / 2), depth, (y - half, y + half)))
        begin = middle + length / 2
    boxes.append(common.platform((begin, common.ENDS[1]), depth))
    goals.append(common.finish(middle + draw(rng, params.platform_length) + length, goals[-1][0]))
    return common.sub_terrain(boxes, goals)
