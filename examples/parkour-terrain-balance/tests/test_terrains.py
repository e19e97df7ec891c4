"""What is particular to beams and stones."""

import itertools

import numpy as np
import pytest
from parkour import SubTerrain
from parkour.terrain.raster import Grid, height_raster

from parkour_terrain_balance.beams import BeamParams, balance_beam
from parkour_terrain_balance.stones import StoneParams, stepping_stones

DIFFICULTIES = [(0.0, 0.7), (0.5, 0.5), (1.0, 0.3)]


def beams_of(patch: SubTerrain) -> list[tuple[float, float]]:
    """Length and width of each beam: every second box behind the start platform."""
    return [(2 * box.half_size[0], 2 * box.half_size[1]) for box in patch.boxes[2:-1:2]]


@pytest.mark.parametrize(("difficulty", "width"), DIFFICULTIES)
def test_beams_get_narrower(difficulty: float, width: float) -> None:
    for seed in range(50):
        beams = beams_of(balance_beam(difficulty, np.random.default_rng(seed), BeamParams()))
        assert [beam[1] for beam in beams] == pytest.approx([width] * 3)
        assert all(2.4 <= beam[0] <= 3.2 for beam in beams)


@pytest.mark.parametrize("beams", [1, 2, 3])
def test_one_walks_over_the_beams_without_a_gap(beams: int) -> None:
    grid = Grid.of_patch(0.05)
    patch = balance_beam(1.0, np.random.default_rng(3), BeamParams(beams=beams))
    points = np.concatenate([[patch.spawn[:2]], patch.goals])
    along = np.concatenate([np.linspace(a, b, 100) for a, b in itertools.pairwise(points)])
    assert (height_raster(patch.boxes, grid)[grid.index(along)] == 0.0).all()
    assert len(patch.goals) == 2 * beams + 1


def test_stones_get_smaller_and_further_apart() -> None:
    sizes, spaces = [], []
    for difficulty in (0.0, 1.0):
        stones = stepping_stones(difficulty, np.random.default_rng(0), StoneParams()).boxes[2:-1]
        ends = [(box.center[0] - box.half_size[0], box.center[0] + box.half_size[0]) for box in stones]
        sizes.append(ends[0][1] - ends[0][0])
        spaces.append(ends[1][0] - ends[0][1])
    assert sizes == pytest.approx([0.8, 0.5])
    assert spaces == pytest.approx([0.08, 0.35])


def test_stones_alternate_and_way_points_lie_on_them() -> None:
    params = StoneParams(lateral_offset=(0.1, 0.2))
    patch = stepping_stones(0.7, np.random.default_rng(1), params)
    sides = np.sign([box.center[1] for box in patch.boxes[2:-1]])
    assert (sides[1:] == -sides[:-1]).all()
    middles = {tuple(np.round(box.center[:2], 6)) for box in patch.boxes[2:-1]}
    assert all(tuple(np.round(goal, 6)) in middles for goal in patch.goals[1:-1])


def test_fewer_stones_where_they_would_not_fit() -> None:
    params = StoneParams(length=(2.0, 2.0))
    assert len(stepping_stones(0.0, np.random.default_rng(0), params).boxes) < 10
