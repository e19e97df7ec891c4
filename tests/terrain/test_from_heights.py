"""Height fields merged into boxes give back the heights they came from."""

from __future__ import annotations

import numpy as np
import pytest

from parkour.errors import TerrainError
from parkour.terrain.raster import Grid, height_raster
from parkour.terrain.sub_terrain import SubTerrain

CELL = 0.1
GOALS = [(5.0, 0.0)]


def merged(heights: np.ndarray, max_boxes: int = 48, **rest: object) -> SubTerrain:
    return SubTerrain.from_heights(heights, CELL, goals=GOALS, max_boxes=max_boxes, **rest)  # type: ignore[arg-type]


def back(patch: SubTerrain) -> np.ndarray:
    """Raster over the patch without its margin."""
    return height_raster(patch.boxes, Grid((0.0, -2.0), (160, 40), CELL))


def course() -> np.ndarray:
    heights = np.zeros((160, 40))
    heights[30:34] = 0.2
    heights[60:80, 10:30] = -0.5
    heights[100:110, 5:35] = 0.3
    heights[110:120, 5:35] = 0.6
    return heights


def test_level_ground_is_one_box_with_a_margin() -> None:
    patch = merged(np.zeros((160, 40)))
    assert len(patch.boxes) == 1
    box = patch.boxes[0]
    assert box.center[:2] == pytest.approx((8.0, 0.0)) and box.half_size[:2] == pytest.approx((9.0, 3.0))
    patch.check("ground", max_boxes=1, max_goals=1)


def test_a_course_comes_back_from_few_boxes() -> None:
    patch = merged(course())
    assert back(patch) == pytest.approx(course(), abs=1e-6)
    # The hurdle, two steps, the pit and the ground around the pit.
    assert len(patch.boxes) <= 8
    assert [box.walkable for box in patch.boxes].count(False) == 1


@pytest.mark.parametrize("seed", range(5))
def test_any_piecewise_constant_field_comes_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.choice([-0.4, 0.0, 0.15, 0.3], size=(8, 4))
    heights = np.kron(coarse, np.ones((20, 10)))
    patch = merged(heights, max_boxes=40)
    assert back(patch) == pytest.approx(heights, abs=1e-6)
    assert len(patch.boxes) <= 32


def test_heights_are_rounded_to_the_tolerance() -> None:
    noisy = course() + np.random.default_rng(0).uniform(-0.002, 0.002, (160, 40))
    assert len(merged(noisy).boxes) == len(merged(course()).boxes)
    with pytest.raises(TerrainError):
        merged(noisy, tolerance=0.0)


def test_a_field_that_does_not_fit_says_how_many_boxes_it_needs() -> None:
    needed = len(merged(course()).boxes)
    with pytest.raises(TerrainError, match=f"needs {needed} boxes, expected at most 3") as caught:
        merged(course(), max_boxes=3)
    assert caught.value.hint
    with pytest.raises(TerrainError, match="needs more than 1000 boxes, expected at most 48"):
        merged(np.random.default_rng(0).uniform(size=(160, 40)))


@pytest.mark.parametrize(
    ("heights", "said"),
    [
        (np.full((4, 4), np.nan), "16 heights that are NaN or infinite"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.zeros((0, 4)), r"shape \(0, 4\)"),
    ],
)
def test_bad_heights_are_refused(heights: np.ndarray, said: str) -> None:
    with pytest.raises(TerrainError, match=said):
        merged(heights)


def test_a_cell_must_be_above_0() -> None:
    with pytest.raises(TerrainError, match="cell of 0 m"):
        SubTerrain.from_heights(np.zeros((4, 4)), 0, goals=GOALS, max_boxes=4)
