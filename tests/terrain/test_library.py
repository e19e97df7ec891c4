"""The course under each environment: lookups, levels, saving."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from parkour.mdp.context import Course
from parkour.terrain.field import TerrainField, build_field
from parkour.terrain.library import CourseLibrary, CourseState
from tests.terrain.courses import builtin, course

LEVELS, COLUMNS = 4, 6


@pytest.fixture(scope="module")
def field() -> TerrainField:
    return build_field(course(levels=LEVELS, columns=COLUMNS), builtin(), 0)


@pytest.fixture
def library(field: TerrainField) -> CourseLibrary:
    return CourseLibrary(field)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_it_is_a_course(library: CourseLibrary) -> None:
    state = CourseState(library, 3)
    for name in [*inspect.get_annotations(Course), "height", "ceiling", "edge"]:
        assert hasattr(state, name)


def test_environments_are_dealt_to_columns_evenly(library: CourseLibrary) -> None:
    assert CourseState(library, 14).column[:12].tolist() == [0, 1, 2, 3, 4, 5] * 2
    assert CourseState(library, 14).column[12:].tolist() == [0, 3]
    assert CourseState(library, 2).column.tolist() == [0, 3]
    assert torch.bincount(CourseState(library, 600).terrain).tolist() == [100] * 6


@pytest.mark.parametrize(
    ("levels", "expected"), [((0, 2), {0, 1, 2}), ((1, 1), {1}), ((2, 99), {2, 3}), ((50, 60), {3})]
)
def test_start_levels_are_drawn_from_the_range(
    library: CourseLibrary, levels: tuple[int, int], expected: set[int]
) -> None:
    assert set(CourseState(library, 200, levels, seeded()).level.tolist()) == expected


def test_everything_of_an_environment_is_its_patchs(library: CourseLibrary, field: TerrainField) -> None:
    state = CourseState(library, 20, (0, 3), seeded())
    state.set_levels(torch.tensor([3, 7, 19]), torch.tensor([0, 99, -5]))
    assert state.level[[3, 7, 19]].tolist() == [0, LEVELS - 1, 0]
    patch = (state.level * COLUMNS + state.column).numpy()
    assert state.patch.tolist() == patch.tolist()
    for name in ("terrain", "flat", "difficulty", "goals", "goal_count", "spawn"):
        assert np.array_equal(getattr(state, name).numpy(), getattr(field, name)[patch]), name
    assert np.array_equal(state.boxes().numpy(), field.boxes[patch])
    some = torch.tensor([7, 2])
    assert np.array_equal(state.boxes(some).numpy(), field.boxes[patch[[7, 2]]])


@pytest.mark.parametrize("shape", [(), (5,), (3, 4)])
def test_lookups_take_the_nearest_cell(library: CourseLibrary, field: TerrainField, shape: tuple[int, ...]) -> None:
    state = CourseState(library, 12, (0, 3), seeded())
    generator = seeded(1)
    xy = torch.rand(12, *shape, 2, generator=generator) * torch.tensor([20.0, 8.0]) - torch.tensor([2.0, 4.0])
    height, edge = state.height(xy), state.edge(xy)
    assert height.shape == edge.shape == (12, *shape) and edge.dtype == torch.bool
    i, j = field.grid.index(xy.numpy().astype(float))
    patch = state.patch.numpy().reshape(-1, *[1] * len(shape))
    assert np.mean(height.numpy() == field.height[patch, i, j]) > 0.98
    assert np.mean(edge.numpy() == field.edge[patch, i, j]) > 0.98


def test_lookups_outside_take_the_border_and_faults_do_not_crash(library: CourseLibrary, field: TerrainField) -> None:
    state = CourseState(library, 1)
    far = torch.tensor([[[-50.0, -50.0], [1e9, 1e9], [-50.0, 50.0]]])
    raster = field.height[int(state.patch)]
    assert state.height(far)[0].tolist() == [raster[0, 0], raster[-1, -1], raster[0, -1]]
    nonsense = torch.tensor([[[float("nan"), 0.0], [float("inf"), -float("inf")]]])
    assert torch.isfinite(state.height(nonsense)).all()


def test_mean_levels(library: CourseLibrary) -> None:
    state = CourseState(library, 12)
    state.set_levels(torch.arange(12), torch.tensor([0, 1, 2, 3, 0, 0, 2, 1, 2, 3, 0, 1]))
    assert state.mean_levels().tolist() == pytest.approx([1.0, 1.0, 2.0, 3.0, 0.0, 0.5])


def test_levels_are_saved_and_loaded(library: CourseLibrary) -> None:
    first, second = CourseState(library, 30, (0, 3), seeded(1)), CourseState(library, 30, (0, 0), seeded(2))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.level, second.level) and torch.equal(first.goals, second.goals)
    saved = first.state_dict()
    first.set_levels(torch.arange(30), torch.zeros(30, dtype=torch.int64))
    assert torch.equal(saved["level"], second.level), "a saved state must not change with the environments"


def test_another_number_of_environments_draws_from_its_terrains_saved_levels(library: CourseLibrary) -> None:
    first = CourseState(library, 24)
    first.set_levels(torch.arange(24), first.terrain.clamp(max=3))
    for number in (6, 60):
        other = CourseState(library, number, (0, 0), seeded())
        other.load_state_dict(first.state_dict())
        assert torch.equal(other.level, other.terrain.clamp(max=3))
        assert torch.equal(other.patch, other.level * COLUMNS + other.column)


def test_terrains_that_were_not_saved_keep_their_levels(library: CourseLibrary) -> None:
    other = CourseState(library, 12, (1, 1))
    other.load_state_dict({"level": torch.tensor([3, 3]), "terrain": torch.tensor([0, 0])})
    assert other.level.tolist() == [3, 1, 1, 1, 1, 1] * 2
