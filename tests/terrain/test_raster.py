"""Height and edge rasters against rays and against counted cells."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parkour.terrain.box import Box
from parkour.terrain.raster import FLOOR, Grid, edge_raster, height_raster
from tests.terrain.courses import GROUND, builtin, surface

GRID = Grid.of_patch(0.05)


def test_grid_covers_patch_and_margin() -> None:
    assert GRID.origin == (-1.0, -3.0) and GRID.shape == (360, 120)
    assert GRID.centers(0)[[0, -1]] == pytest.approx([-0.975, 16.975])
    assert Grid.of_patch(0.07).shape == (258, 86)


def test_index_takes_the_cell_around_a_point_and_clamps() -> None:
    points = np.array([[0.0, 0.0], [0.049, -0.001], [-99.0, 99.0], [17.0, 3.0]])
    i, j = GRID.index(points)
    assert i.tolist() == [20, 20, 0, 359] and j.tolist() == [60, 59, 119, 119]


@pytest.mark.parametrize("seed", range(4))
def test_raster_equals_rays_on_turned_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = []
    for _ in range(12):
        quat = rng.normal(size=4)
        quat = quat / np.linalg.norm(quat)
        center = rng.uniform([0, -2, -1], [16, 2, 1])
        boxes.append(Box(tuple(center), tuple(rng.uniform(0.05, 1.0, 3)), tuple(quat)))
    heights = height_raster(boxes, GRID)
    x, y = GRID.centers(0), GRID.centers(1)
    cells = rng.integers([0, 0], GRID.shape, size=(1500, 2))
    expected = [max(surface(boxes, x[i], y[j]), FLOOR) for i, j in cells]
    assert heights[cells[:, 0], cells[:, 1]] == pytest.approx(np.array(expected), abs=1e-5)
    assert np.sum(heights > FLOOR) > 1000


@pytest.mark.parametrize("name", ["gap", "hurdle", "step", "tilt", "demo"])
def test_raster_equals_rays_on_courses(name: str) -> None:
    target, params, *_ = builtin(**{name: 1.0})[name]
    rng = np.random.default_rng(0)
    patch = target(0.8, rng, params)
    heights = height_raster(patch.boxes, GRID)
    cells = rng.integers([20, 20], [340, 100], size=(1500, 2))
    expected = [surface(patch.boxes, GRID.centers(0)[i], GRID.centers(1)[j]) for i, j in cells]
    assert heights[cells[:, 0], cells[:, 1]] == pytest.approx(np.array(expected), abs=1e-5)


def test_tilted_top_is_exact_at_every_cell() -> None:
    roll = math.atan2(0.5, 1.0)
    stone = Box.slab((3.0, 4.0), (-0.5 / math.cos(roll), 0.5 / math.cos(roll)), 0.2, roll=roll, thickness=0.1)
    heights = height_raster([stone], GRID)
    i = int((3.5 - GRID.origin[0]) / GRID.cell)
    inside = np.abs(GRID.centers(1)) < 0.5
    assert heights[i, inside] == pytest.approx(0.2 + 0.5 * GRID.centers(1)[inside], abs=1e-6)
    assert (heights[i, GRID.centers(1) < -0.5] == FLOOR).all()


def test_drawing_over_another_raster_leaves_it_unchanged() -> None:
    first = height_raster([GROUND], GRID)
    over = height_raster([Box.slab((5, 6), (-1, 1), 0.3)], GRID, first)
    assert (first == 0).all() and over.max() == pytest.approx(0.3)


def test_boxes_outside_the_grid_do_not_matter() -> None:
    for x in ((-9.0, -8.0), (30.0, 31.0)):
        assert (height_raster([Box.slab(x, (-1, 1), 1.0)], GRID) == FLOOR).all()


def hurdle(height: float) -> np.ndarray:
    return height_raster([GROUND, Box.slab((3.0, 4.0), (-1.0, 1.0), height)], GRID)


def edge_ends(edges: np.ndarray) -> list[tuple[float, float]]:
    """Runs of edge cells on the middle line [m]."""
    line = np.concatenate([[False], edges[:, 60], [False]]).astype(int)
    starts, stops = np.flatnonzero(np.diff(line) == 1), np.flatnonzero(np.diff(line) == -1)
    return [(GRID.origin[0] + a * 0.05, GRID.origin[0] + b * 0.05) for a, b in zip(starts, stops, strict=True)]


def test_edges_of_a_hurdle_are_5_cm_of_its_top_and_10_cm_at_its_foot() -> None:
    edges = edge_raster(hurdle(0.3), 0.05, slope=1.5, width=0.05)
    assert np.array(edge_ends(edges)) == pytest.approx(np.array([(2.9, 3.05), (3.95, 4.1)]))
    assert not edges[:, np.abs(GRID.centers(1)) > 1.0].any()


def test_edges_are_widened_both_ways_along_x_only() -> None:
    narrow = edge_raster(hurdle(0.3), 0.05, slope=1.5, width=0.0)
    wide = edge_raster(hurdle(0.3), 0.05, slope=1.5, width=0.15)
    assert np.array(edge_ends(narrow)) == pytest.approx(np.array([(2.95, 3.0), (4.0, 4.05)]))
    assert np.array(edge_ends(wide)) == pytest.approx(np.array([(2.8, 3.15), (3.85, 4.2)]))
    assert (narrow.any(0) == wide.any(0)).all()


@pytest.mark.parametrize(("height", "found"), [(0.07, False), (0.08, True), (-0.07, False), (-0.08, True)])
def test_the_slope_decides_what_an_edge_is(height: float, found: bool) -> None:
    heights = np.zeros((40, 3))
    heights[20:] = height
    assert edge_raster(heights, 0.05, slope=1.5, width=0.05).any() == found


def test_walls_along_x_are_no_edges() -> None:
    heights = np.zeros((40, 20))
    heights[:, 10:] = 1.0
    assert not edge_raster(heights, 0.05, slope=1.5, width=0.05).any()
