"""Hurdles across flat ground."""

from __future__ import annotations

import numpy as np

from parkour.params import Params, param
from parkour.terrain.sub_terrain import PATCH_LENGTH, START_PLATFORM, SubTerrain
from parkour_terrains import common
from parkour_terrains.common import OBSTACLES, Draw, LengthDraw, Scaled, at, draw


class HurdleParams(Params):
    spacing: LengthDraw = param((1.2, 2.2), unit="m")
    """Distance along x to each hurdle's middle from the one before it or the start platform's end, a uniform draw."""
    length: Scaled = param((0.1, 0.4), unit="m")
    """Extent of the hurdles along x at difficulty 0 and 1."""
    height_low: Scaled = param((0.1, 0.2), unit="m")
    """Lower end of the draw of each hurdle's height, at difficulty 0 and 1."""
    height_high: Scaled = param((0.15, 0.4), unit="m")
    """Upper end of the draw of each hurdle's height, at difficulty 0 and 1."""
    half_width: LengthDraw = param((0.4, 0.8), unit="m")
    """Half width of the hurdles, a uniform draw per course."""
    lateral_offset: Draw = param((-0.4, 0.4), unit="m")
    """Middle of each hurdle (and of the way point before it) left of the patch's middle line, a uniform draw."""
    obstacles: int = param(OBSTACLES, ge=1, le=20)
    """Hurdles; fewer where they would not fit into the patch."""


def hurdle(difficulty: float, rng: np.random.Generator, params: HurdleParams) -> SubTerrain:
    """Hurdles of one length and various heights; way points lie half-way to each."""
    half_length = at(difficulty, params.length) / 2
    half_width = draw(rng, params.half_width)
    heights = at(difficulty, params.height_low), at(difficulty, params.height_high)
    boxes = [common.ground()]
    goals = [(START_PLATFORM, 0.0)]
    end = START_PLATFORM
    for x, y, goal in places(rng, params.spacing, params.lateral_offset, params.obstacles, half_length):
        boxes.append(
            common.block((x - half_length, x + half_length), (y - half_width, y + half_width), draw(rng, heights))
        )
        goals.append((goal, y))
        end = x + half_length
    goals.append(common.finish(end - half_length + draw(rng, params.spacing), end))
    return common.sub_terrain(boxes, goals)


def places(rng: np.random.Generator, spacing: tuple[float, float], offset: tuple[float, float], count: int,
           reach: float) -> list[tuple[float, float, float]]:  # fmt: skip
    """Where hurdles stand: x and y of each one's middle, and x of the way point half-way to it [m].

    Hurdles that would end outside the patch are left out; ``reach`` is how far one extends behind its middle.
    """
    found: list[tuple[float, float, float]] = []
    x = START_PLATFORM
    for _ in range(count):
        step, y = draw(rng, spacing), draw(rng, offset)
        if x + step + reach > PATCH_LENGTH:
            break
        found.append((x + step, y, x + step / 2))
        x += step
    return found
