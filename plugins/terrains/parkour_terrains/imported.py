"""Real ground, from a file that ``parkour terrains import`` wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from parkour.params import Params, param
from parkour.terrain.importing.file import load_course
from parkour.terrain.sub_terrain import SubTerrain

EXAMPLE = Path(__file__).with_name("hills.npz")
"""Low hills, made by ``docs/make_hills.py``."""


class ImportedParams(Params):
    file: str = param("")
    """Path of the file, from the working folder; low hills that come with parkour when it is empty."""


def imported(difficulty: float, rng: np.random.Generator, params: ImportedParams) -> SubTerrain:
    """The course of the file, the same at every difficulty and for every seed; ground as it was measured, without
    bumps."""
    return load_course(Path(params.file) if params.file else EXAMPLE)
