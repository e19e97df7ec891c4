"""A wide flat field, to drive on."""

from __future__ import annotations

import numpy as np

from parkour.params import Params, param
from parkour.terrain.box import Box
from parkour.terrain.sub_terrain import PATCH_LENGTH, PATCH_WIDTH, SubTerrain
from parkour_terrains import common


class FieldParams(Params):
    reach: float = param(50.0, unit="m", ge=2.0, le=200.0)
    """How far the ground goes on past the patch on every side."""


def field(difficulty: float, rng: np.random.Generator, params: FieldParams) -> SubTerrain:
    """Level ground far past the patch; the only way point is in a corner, out of the way of who drives.

    Simulators that put courses beside one another have no room for it beside others.
    """
    reach = params.reach
    ground = Box.slab((-reach, PATCH_LENGTH + reach), (-PATCH_WIDTH / 2 - reach, PATCH_WIDTH / 2 + reach), 0.0)
    return common.sub_terrain([ground], [(PATCH_LENGTH, PATCH_WIDTH / 2)])
