"""One course of everything, to watch."""

from __future__ import annotations

import numpy as np

from parkour.params import Params, param
from parkour.terrain.sub_terrain import START_PLATFORM, SubTerrain
from parkour_terrains import common
from parkour_terrains.common import LengthDraw, draw


class DemoParams(Params):
    approach: LengthDraw = param((1.2, 1.8), unit="m")
    """Level ground before the hurdle, and between it and the first step, a uniform draw each."""
    hurdle_length: LengthDraw = param((0.35, 0.4), unit="m")
    """Extent of the hurdle along x, a uniform draw."""
    hurdle_height: LengthDraw = param((0.3, 0.36), unit="m")
    """Height of the hurdle, a uniform draw."""
    step_length: LengthDraw = param((0.6, 1.0), unit="m")
    """Length of each of the four steps, a uniform draw."""
    step_height: LengthDraw = param((0.35, 0.45), unit="m")
    """Height of every step, a uniform draw per course."""
    gap_length: LengthDraw = param((0.5, 0.8), unit="m")
    """Length of the gap between the upper steps, a uniform draw."""
    clearance: LengthDraw = param((0.1, 0.3), unit="m")
    """Gap before each tilted stone, a uniform draw."""
    stone_length: LengthDraw = param((0.9, 1.0), unit="m")
    """Length of each tilted stone, a uniform draw."""
    rise: LengthDraw = param((0.15, 0.22), unit="m")
    """Height of each stone's outer edge over its middle, a uniform draw."""
    stone_offset: LengthDraw = param((0.2, 0.3), unit="m")
    """Distance of each stone from the middle line, a uniform draw."""
    half_width: LengthDraw = param((0.5, 0.6), unit="m")
    """Half width of hurdle and steps, a uniform draw per course."""


def demo(difficulty: float, rng: np.random.Generator, params: DemoParams) -> SubTerrain:
    """Hurdle, two steps up, gap, two steps down, two opposed tilted stones; the same ranges at every difficulty.

    The stones' middles are as high as the lower step before them, on level ground. The way points: the start
    platform's end, the four steps, the two stones, and the ground behind them.
    """
    half = draw(rng, params.half_width)
    y = (-half, half)
    boxes = [common.ground()]
    goals = [(START_PLATFORM, 0.0)]
    x = START_PLATFORM + draw(rng, params.approach)
    end = x + draw(rng, params.hurdle_length)
    boxes.append(common.block((x, end), y, draw(rng, params.hurdle_height)))
    x = end + draw(rng, params.approach)
    height = draw(rng, params.step_height)
    for index, top in enumerate((height, 2 * height, 2 * height, height)):
        x += draw(rng, params.gap_length) if index == 2 else 0.0
        end = x + draw(rng, params.step_length)
        boxes.append(common.block((x, end), y, top))
        goals.append(((x + end) / 2, 0.0))
        x = end
    side = 1 if rng.random() < 0.5 else -1
    for _ in range(2):
        x += draw(rng, params.clearance)
        end = x + draw(rng, params.stone_length)
        offset = side * draw(rng, params.stone_offset)
        boxes += common.tilted_stone(
            (x, end), offset, side=side, rise=draw(rng, params.rise), width=1.0, top=height, base=0.0
        )
        goals.append(((x + end) / 2, offset))
        x, side = end, -side
    goals.append(common.finish(x + 1.0, x))
    return common.sub_terrain(boxes, goals)
