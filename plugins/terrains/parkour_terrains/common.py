"""What the generators share: draws, ground, stones and the last way point."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import AfterValidator

from parkour.params import ORDERED, Range, within
from parkour.terrain.box import Box
from parkour.terrain.sub_terrain import MARGIN, PATCH_LENGTH, PATCH_WIDTH, START_PLATFORM, SubTerrain

OBSTACLES = 6
"""Obstacles of a course: 8 way points less the one before the first obstacle and the one after the last."""
GOAL_MARGIN = 0.5
"""The last way point stays this far inside the patch [m], unless the last obstacle reaches further."""
EMBED = 0.1
"""How far boxes reach into the ground that they stand on [m]."""
CAP = 0.04
"""Thickness of the surface of a steep stone [m]; its side leans out by less than half of this."""
MOST_TRIM = 0.8
"""The body of a stone is cut back by this part of the stone's width at most."""
UNDER = 0.01
"""How far below that surface the body of the stone begins [m]: feet touch one of them, not both."""
SIDES = (-(PATCH_WIDTH / 2 + MARGIN), PATCH_WIDTH / 2 + MARGIN)
"""Ends along y of everything that spans the whole patch [m]."""
ENDS = (-MARGIN, PATCH_LENGTH + MARGIN)
"""Ends along x of ground and pit floor [m]."""


def _positive(pair: Range) -> Range:
    if not min(pair) > 0:
        raise ValueError("both above 0")
    return pair


Measure = Annotated[Range, within(-10.0, 10.0)]
"""The values at difficulty 0 and 1, of what may be on either side [m]."""
Draw = Annotated[Range, within(-10.0, 10.0), ORDERED]
"""The ends of a uniform draw."""
LengthDraw = Annotated[Range, AfterValidator(_positive), within(0.0, 20.0), ORDERED]
"""The ends of a uniform draw of a length, above 0."""
Scaled = Annotated[Range, AfterValidator(_positive), within(0.0, 20.0)]
"""The values at difficulty 0 and 1 of a length, above 0."""


def at(difficulty: float, pair: Range) -> float:
    """The value at ``difficulty`` of a quantity given at difficulty 0 and 1."""
    return pair[0] + (pair[1] - pair[0]) * difficulty


def draw(rng: np.random.Generator, pair: Range) -> float:
    """A uniform draw between the ends."""
    return float(rng.uniform(*pair))


def ground() -> Box:
    """Level ground at height 0 under the whole patch and its margin."""
    return Box.slab(ENDS, SIDES, 0.0)


def pit_floor(depth: float) -> Box:
    """The floor of a pit under the whole patch; not meant to be walked on."""
    return Box.slab(ENDS, SIDES, -depth, walkable=False)


def platform(x: tuple[float, float], depth: float, y: tuple[float, float] = SIDES) -> Box:
    """A platform at height 0 that stands on a pit floor ``depth`` below."""
    return Box.slab(x, y, 0.0, depth + EMBED)


def start_platform(depth: float) -> Box:
    """The platform that every course begins with, over a pit."""
    return platform((ENDS[0], START_PLATFORM), depth)


def block(x: tuple[float, float], y: tuple[float, float], top: float) -> Box:
    """A box that stands on the ground at height 0."""
    return Box.slab(x, y, top, top + EMBED)


def tilted_stone(x: tuple[float, float], y: float, *, side: int, rise: float, width: float, top: float,
                 base: float) -> list[Box]:  # fmt: skip
    """A stone rolled about x, and what fills the room below it.

    Seen from above the stone is ``width`` wide, whatever its roll; its left and right edges stand ``rise`` above and
    below its middle. The sides of a rolled box lean: a thick one would reach far out under its upper edge and count as
    edge and obstacle there. So a thin cap is the surface. Under it lies a body that is cut back by as much as its side
    leans out, and a pedestal whose top stays below the lowest edge; without them feet would get caught in a hollow.

    Args:
        x: ends along x [m].
        y: middle [m].
        side: +1 lifts the left edge, -1 the right one.
        rise: height of the upper edge over the middle [m].
        width: extent along y, seen from above [m].
        top: height of the surface's middle [m].
        base: height of what it stands on [m].
    """
    roll = side * math.atan2(2 * rise, width)
    slope = abs(roll)
    lip = top - rise - 0.02
    thickness = max(0.1, (top + rise - lip) * math.cos(slope))
    if thickness * math.sin(slope) > MOST_TRIM * width:  # hardly a stone: a wall
        thickness = MOST_TRIM * width / math.sin(slope)
    leaning = thickness * math.sin(slope)
    ends = y - width / 2, y + width / 2
    if leaning < CAP:
        boxes = [_rolled(x, ends, y, top, thickness, roll)]
    else:
        boxes = [_rolled(x, ends, y, top, CAP, roll)]
        trimmed = (ends[0], ends[1] - leaning) if side > 0 else (ends[0] + leaning, ends[1])
        boxes.append(_rolled(x, trimmed, y, top - UNDER / math.cos(slope), thickness - UNDER, roll, walkable=False))
    if lip > base:
        boxes.append(Box.slab(x, ends, lip, lip - base + EMBED, walkable=False))
    return boxes


def _rolled(x: tuple[float, float], y: tuple[float, float], axis: float, top: float, thickness: float, roll: float, *,
            walkable: bool = True) -> Box:  # fmt: skip
    """A box whose top is the part between ``y``, seen from above, of a plane rolled about x at (``axis``, ``top``)."""
    middle, half = (y[0] + y[1]) / 2, (y[1] - y[0]) / 2 / math.cos(roll)
    height = top + math.tan(roll) * (middle - axis)
    return Box.slab(x, (middle - half, middle + half), height, thickness, roll=roll, walkable=walkable)


def finish(x: float, obstacle_end: float) -> tuple[float, float]:
    """The last way point: on the middle line at ``x``, clipped into the patch and past the last obstacle [m]."""
    x = min(x, PATCH_LENGTH - GOAL_MARGIN)
    return min(max(x, obstacle_end + EMBED), PATCH_LENGTH), 0.0


def sub_terrain(boxes: list[Box], goals: list[tuple[float, float]]) -> SubTerrain:
    """A patch with the usual start."""
    return SubTerrain(boxes=tuple(boxes), goals=np.array(goals))
