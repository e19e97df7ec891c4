"""A staircase of high boxes, up and down again."""

from __future__ import annotations

import numpy as np

from parkour.params import Params, param
from parkour.terrain.sub_terrain import PATCH_LENGTH, START_PLATFORM, SubTerrain
from parkour_terrains import common
from parkour_terrains.common import OBSTACLES, Draw, LengthDraw, Scaled, at, draw

APPROACH = 1.0
"""The first way point lies this far before the first box [m]."""


class StepParams(Params):
    length: LengthDraw = param((0.3, 1.5), unit="m")
    """Extent of each box along x, a uniform draw."""
    height: Scaled = param((0.1, 0.45), unit="m")
    """Height of every step, up or down, at difficulty 0 and 1."""
    half_width: LengthDraw = param((0.5, 1.0), unit="m")
    """Half width of the boxes, a uniform draw per course."""
    lateral_offset: Draw = param((-0.4, 0.4), unit="m")
    """Middle of each box to the left of the patch's middle line, a uniform draw."""
    obstacles: int = param(OBSTACLES, ge=1, le=20)
    """Boxes, and so steps; fewer where they would not fit into the patch."""


def step(difficulty: float, rng: np.random.Generator, params: StepParams) -> SubTerrain:
    """As many steps as boxes: the first half lead up onto a box, the second half down from one.

    Six boxes are 1, 2, 3, 3, 2 and 1 step heights tall. The ground beside them is at height 0. Way points lie
    before the first box and on the boxes' middles.
    """
    rise = at(difficulty, params.height)
    half = draw(rng, params.half_width)
    ends = [START_PLATFORM]
    for _ in range(params.obstacles):
        end = ends[-1] + draw(rng, params.length)
        if end > PATCH_LENGTH:
            break
        ends.append(end)
    count = len(ends) - 1
    boxes = [common.ground()]
    goals = [(START_PLATFORM - APPROACH, 0.0)]
    for index in range(count):
        y = draw(rng, params.lateral_offset)
        top = rise * min(index + 1, count - index)
        boxes.append(common.block((ends[index], ends[index + 1]), (y - half, y + half), top))
        goals.append(((ends[index] + ends[index + 1]) / 2, y))
    goals.append(common.finish(ends[-1] + draw(rng, params.length), ends[-1]))
    return common.sub_terrain(boxes, goals)
