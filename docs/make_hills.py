"""Make the example course of the terrain ``imported``: ``python docs/make_hills.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from parkour.terrain.importing.course import Placement, lay_course
from parkour.terrain.importing.file import save_course
from parkour.terrain.importing.surface import Surface
from parkour_terrains.imported import EXAMPLE

SIZE, CELL = (13.5, 4.0), 0.05
"""Of the ground [m]."""
HILLS = 14


def heights() -> np.ndarray:
    """``[270, 80]`` hills and hollows [m], none in the way of the first step."""
    rng = np.random.default_rng(4)
    x, y = ((np.arange(round(size / CELL)) + 0.5) * CELL for size in SIZE)
    surface = np.zeros((len(x), len(y)))
    for _ in range(HILLS):
        middle, side, width, height = (rng.uniform(*pair) for pair in ((1.5, 13), (0, 4), (0.5, 1.4), (-0.2, 0.35)))
        away = (x[:, None] - middle) ** 2 + (y[None] - side) ** 2
        surface += height * np.exp(-away / (2 * width**2))
    return surface * np.clip(x / 1.5, 0.0, 1.0)[:, None]


def main(path: Path = EXAMPLE) -> None:
    """Write the file."""
    made = lay_course(Surface(heights(), CELL), Placement(tolerance=0.05, max_boxes=39))
    save_course(made.sub_terrain, path)
    print(f"wrote {path}: {len(made.sub_terrain.boxes)} boxes, {made.lowest:.2f} to {made.highest:.2f} m")


if __name__ == "__main__":
    main()
