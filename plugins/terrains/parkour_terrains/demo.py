"""One course of everything, to watch."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator

from parkour.params import Params, Range, param, within
from parkour.terrain.box import Box
from parkour.terrain.sub_terrain import SubTerrain
from parkour_terrains import common
from parkour_terrains.common import LengthDraw, draw

APPROACH = 2.0
Scale = Annotated[Range, within(0.1, 2.0)]


def _of_today(approach: Any) -> Any:
    """Tasks that were written down earlier, as in the pretrained weights, have a range here.

    It was level ground after the start platform, and is not kept: the courses of today begin elsewhere.
    """
    return APPROACH if isinstance(approach, (list, tuple)) else approach


class DemoParams(Params):
    approach: Annotated[float, BeforeValidator(_of_today)] = param(APPROACH, unit="m", ge=1.5, le=4.0)
    """Where the hurdle begins."""
    hurdle_length: LengthDraw = param((0.35, 0.4), unit="m")
    """Extent of the hurdle along x, a uniform draw."""
    hurdle_height: LengthDraw = param((0.3, 0.36), unit="m")
    """Height of the hurdle, a uniform draw."""
    spacing: LengthDraw = param((1.5, 2.5), unit="m")
    """Distance from the hurdle's front to that of the first step, a uniform draw."""
    step_length: LengthDraw = param((0.45, 0.8), unit="m")
    """Length of each of the two steps before the gap, a uniform draw."""
    far_step_length: LengthDraw = param((0.25, 0.6), unit="m")
    """Length of each of the two steps behind the gap, a uniform draw."""
    step_height: LengthDraw = param((0.35, 0.45), unit="m")
    """Height above the ground of all four steps, a uniform draw per course."""
    gap_length: LengthDraw = param((0.5, 0.8), unit="m")
    """Length of the gap between the second and the third step, a uniform draw."""
    clearance: LengthDraw = param((0.1, 0.4), unit="m")
    """Level ground before each tilted stone, a uniform draw per course."""
    stone_length: LengthDraw = param((0.75, 0.85), unit="m")
    """Length of both tilted stones, a uniform draw per course."""
    rise: LengthDraw = param((0.15, 0.22), unit="m")
    """Height of both stones' outer edges over their middles, a uniform draw per course."""
    stone_base: common.Draw = param((0.0, 0.2), unit="m")
    """Height of both stones' inner edges above the ground, a uniform draw per course."""
    stone_offset: LengthDraw = param((0.15, 0.3), unit="m")
    """Distance of each stone from the middle line, a uniform draw."""
    half_width: LengthDraw = param((0.5, 0.6), unit="m")
    """Half width of the hurdle, of the first two and of the last two steps, a uniform draw each."""
    run_out: float = param(0.4, unit="m", ge=0.0, le=4.0)
    """The last way point lies this far, and a clearance, behind the last stone."""
    scale: Scale = param((1.0, 1.0), unit="1")
    """What heights, the rise and the gap are multiplied by at difficulty 0 and 1."""


def demo(difficulty: float, rng: np.random.Generator, params: DemoParams) -> SubTerrain:
    """Hurdle, two steps, gap, two steps, a tilted stone left and one right; the same ranges at every difficulty, unless
    ``scale`` says otherwise.

    The steps are of one height, so that two of them are one long box to climb. The way points: the hurdle, the four
    steps, the two stones, and the ground behind them, in line with the first stone.
    """
    scale, x = common.at(difficulty, params.scale), params.approach
    hurdle = common.block(
        (x, x + draw(rng, params.hurdle_length)), _across(rng, params), scale * draw(rng, params.hurdle_height)
    )
    steps, x = _steps(scale, x + draw(rng, params.spacing), rng, params)
    obstacles = [hurdle, *steps]
    boxes = [common.ground(), *obstacles]
    goals = [(box.center[0], box.center[1]) for box in obstacles]
    clearance, length, rise = (draw(rng, pair) for pair in (params.clearance, params.stone_length, params.rise))
    rise *= scale
    top = rise + draw(rng, params.stone_base)
    for side in (1, -1):
        x += clearance
        y = side * draw(rng, params.stone_offset)
        boxes += common.tilted_stone((x, x + length), y, side=side, rise=rise, width=1.0, top=top, base=0.0)
        goals.append((x + length / 2, y))
        x += length
    goals.append((x + clearance + params.run_out, goals[-2][1]))
    return common.sub_terrain(boxes, goals)


def _steps(scale: float, x: float, rng: np.random.Generator, params: DemoParams) -> tuple[list[Box], float]:
    """The four steps from ``x`` on, ``scale`` as high and as far apart, and where the last one ends [m]."""
    height = scale * draw(rng, params.step_height)
    boxes: list[Box] = []
    for lengths in (params.step_length, params.far_step_length):
        across = _across(rng, params)
        for _ in range(2):
            end = x + draw(rng, lengths)
            boxes.append(common.block((x, end), across, height))
            x = end
        if lengths is params.step_length:
            x += scale * draw(rng, params.gap_length)
    return boxes, x


def _across(rng: np.random.Generator, params: DemoParams) -> tuple[float, float]:
    half = draw(rng, params.half_width)
    return -half, half
