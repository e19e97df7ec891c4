"""What hangs overhead: its raster, what it leaves of the ground's, and where it may not be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from parkour.errors import TerrainError
from parkour.terrain.box import Box
from parkour.terrain.field import FieldTerrain, build_field
from parkour.terrain.library import CourseLibrary, CourseState
from parkour.terrain.raster import OPEN, Grid, ceiling_raster, height_raster
from parkour.terrain.sub_terrain import SubTerrain
from parkour_terrains.crawl import CrawlParams, crawl
from tests.terrain.courses import GROUND, builtin, course, returning, surface

GRID = Grid.of_patch(0.05)
BAR = Box.slab((5.0, 5.5), (-3.0, 3.0), 0.8, 0.5, walkable=False, overhead=True)


@pytest.mark.parametrize("seed", range(3))
def test_ceiling_equals_rays_up_to_turned_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = []
    for _ in range(12):
        quat = rng.normal(size=4)
        quat = quat / np.linalg.norm(quat)
        x, y, z = rng.uniform([0, -2, 1], [16, 2, 2]).tolist()
        hx, hy, hz = rng.uniform(0.05, 0.8, 3).tolist()
        boxes.append(Box((x, y, z), (hx, hy, hz), tuple(quat.tolist()), overhead=True))
    ceiling = ceiling_raster(boxes, GRID)
    assert ceiling is not None
    # Turned by half a turn about x, what was below is above: a ray down meets what a ray up did.
    turned = [
        dataclasses.replace(box, center=(x, -y, -z), quat=(-b, a, -d, c))
        for box in boxes
        for (x, y, z), (a, b, c, d) in [(box.center, box.quat)]
    ]
    cells = rng.integers([0, 0], GRID.shape, size=(1500, 2))
    expected = [-max(surface(turned, GRID.centers(0)[i], -GRID.centers(1)[j]), -OPEN) for i, j in cells]
    assert ceiling[cells[:, 0], cells[:, 1]] == pytest.approx(np.array(expected), abs=1e-5)
    assert 500 < (ceiling < OPEN).sum() < ceiling.size


def test_what_hangs_is_no_ground_and_no_edge() -> None:
    ground = build_field(course(levels=1, columns=1), {"bare": FieldTerrain(returning(), None, 1.0)}, 3)
    barred = build_field(course(levels=1, columns=1), {"bar": FieldTerrain(returning([GROUND, BAR]), None, 1.0)}, 3)
    assert ground.ceiling is None and barred.ceiling is not None
    assert not barred.edge.any() and barred.height.max() <= 0.06
    below = barred.ceiling < OPEN
    assert np.unique(barred.ceiling[below]) == pytest.approx([0.3])
    x = GRID.centers(0)
    assert below[0].all(1).tolist() == ((x > 5.0) & (x < 5.5)).tolist()


def test_no_bump_makes_a_ceiling_lower() -> None:
    numbers = course(levels=4, columns=3, max_boxes=48)
    field = build_field(numbers, {"crawl": FieldTerrain(crawl, CrawlParams(), 1.0)}, 0)
    assert field.ceiling is not None
    assert (field.height[field.ceiling < OPEN] == 0.0).all()
    assert (field.height > 0.0).any(), "no bumps at all"
    low = [field.ceiling[level * 3].min() for level in range(4)]
    assert low == pytest.approx(np.linspace(0.45, 0.22, 4), abs=1e-5)


@pytest.mark.parametrize("name", ["gap", "hurdle", "step", "tilt", "flat", "demo"])
def test_the_other_courses_have_no_ceiling(name: str) -> None:
    assert build_field(course(levels=2, columns=1), builtin(**{name: 1.0}), 0).ceiling is None


def test_terms_look_the_ceiling_up_where_the_robot_is() -> None:
    terrains = {"bare": FieldTerrain(returning(), None, 1.0), "bar": FieldTerrain(returning([GROUND, BAR]), None, 1.0)}
    state = CourseState(CourseLibrary(build_field(course(levels=1, columns=2), terrains, 0)), 2)
    points = torch.tensor([[[4.9, 0.0], [5.2, 0.0], [99.0, 0.0]]] * 2)
    torch.testing.assert_close(state.ceiling(points), torch.tensor([[OPEN] * 3, [OPEN, 0.3, OPEN]]))
    assert state.height(points)[1, 1] < 0.1
    bare = CourseState(CourseLibrary(build_field(course(levels=1, columns=1), {"bare": terrains["bare"]}, 0)), 2)
    assert bare.ceiling(points).tolist() == [[OPEN] * 3] * 2


@pytest.mark.parametrize(("x", "bottom"), [((0.8, 1.2), 0.4), ((1.4, 1.8), 0.59)])
def test_nothing_hangs_low_over_the_spawn(x: tuple[float, float], bottom: float) -> None:
    hanging = Box.slab(x, (-0.2, 0.2), bottom + 0.3, 0.3, overhead=True)
    patch = SubTerrain([GROUND, hanging], np.array([(5.0, 0.0)]))
    with pytest.raises(TerrainError, match=f"hangs {bottom:.2f} m over the spawn, expected 0.6 m"):
        patch.check("low", 40, 8)
    for moved in (
        Box.slab(x, (-0.2, 0.2), 0.91, 0.3, overhead=True),
        Box.slab((1.6, 2.0), (-0.2, 0.2), 0.6, 0.2, overhead=True),
    ):
        SubTerrain([GROUND, moved], np.array([(5.0, 0.0)])).check("high enough", 40, 8)


def test_height_of_all_boxes_is_as_before_without_overhead() -> None:
    wall = dataclasses.replace(BAR, overhead=False)
    assert height_raster([GROUND, wall], GRID).max() == pytest.approx(0.8)
    assert ceiling_raster([GROUND, wall], GRID) is None
