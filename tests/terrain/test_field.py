"""The field: columns, difficulties, reproducibility, and terrains that break their contract."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parkour.errors import TerrainError
from parkour.terrain.box import Box
from parkour.terrain.field import FieldTerrain, assign_columns, build_field
from parkour.terrain.raster import Grid, edge_raster, height_raster
from tests.terrain.courses import GROUND, builtin, course, plain, returning

# -- columns -----------------------------------------------------------------------------------------------------------


def counts(shares: dict[str, float], columns: int) -> list[int]:
    return np.bincount(assign_columns(shares, columns), minlength=len(shares)).tolist()


def test_columns_follow_the_shares() -> None:
    equal = dict.fromkeys("abcde", 0.2)
    assert counts(equal, 40) == [8] * 5 and counts(equal, 5) == [1] * 5
    student = {"gap": 0.2, "hurdle": 0.2, "step": 0.2, "tilt": 0.2, "flat": 0.05, "demo": 0.15}
    assert counts(student, 40) == [8, 8, 8, 8, 2, 6]
    assert counts(student, 5) == [1, 1, 1, 1, 0, 1]
    assert counts({"a": 0.0, "b": 3.0}, 4) == [0, 4]
    assert counts({"a": 0.999, "b": 0.001}, 4) == [3, 1]


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1).map(lambda x: 0.0 if x < 0.01 else x), min_size=1, max_size=8).filter(
        lambda s: sum(s) > 0
    ),
    st.integers(1, 60),
)
def test_columns_are_contiguous_complete_and_near_their_share(shares: list[float], columns: int) -> None:
    found = assign_columns({str(k): share for k, share in enumerate(shares)}, columns)
    assert len(found) == columns and (np.diff(found) >= 0).all()
    number = np.bincount(found, minlength=len(shares))
    wanted = np.array(shares) > 0
    assert (number[~wanted] == 0).all()
    if columns >= wanted.sum():
        assert (number[wanted] >= 1).all()
    # A terrain can lose columns only to those that would have had none.
    assert (number <= np.array(shares) / sum(shares) * columns + 1 + 1e-6).all()


@pytest.mark.parametrize("shares", [{}, {"a": 0.0}, {"a": -1.0, "b": 2.0}, {"a": float("nan")}])
def test_impossible_shares_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(TerrainError, match="sum above 0"):
        assign_columns(shares, 10)


# -- the field ---------------------------------------------------------------------------------------------------------


def test_field_arrays_agree_with_each_other() -> None:
    field = build_field(course(levels=3, columns=6), builtin(), 0)
    p = 18
    assert field.boxes.shape == (p, 48, 10) and field.boxes.dtype == np.float32
    assert field.goals.shape == (p, 8, 2) and field.spawn.shape == (p, 3)
    assert field.height.shape == field.edge.shape == (p, *field.grid.shape)
    assert field.terrain.tolist() == [0, 1, 2, 3, 4, 5] * 3
    assert field.flat.tolist() == ([False] * 4 + [True] + [False]) * 3
    assert field.difficulty == pytest.approx(np.repeat([0.0, 0.5, 1.0], 6))
    assert (field.goal_count == 8).all()
    assert (field.spawn == [1.0, 0.0, 0.0]).all()
    assert np.isfinite(field.boxes).all() and (field.boxes[..., 7:] > 0).all()
    for p, rows in enumerate(field.boxes):
        used = [
            Box(tuple(row[:3]), tuple(row[7:]), tuple(row[3:7])) for row in rows.astype(float).tolist() if row[2] > -20
        ]
        drawn = height_raster(used, field.grid)
        # The boxes were rounded to float32: a wall may have moved by a cell where its face is on a centre.
        assert np.mean(np.abs(drawn - field.height[p]) > 1e-4) < 2e-3


def test_edges_are_those_of_the_obstacles() -> None:
    field = build_field(course(levels=2, columns=2, roughness=(0.0, 0.0)), builtin(gap=1.0, step=1.0), 0)
    assert (field.edge == edge_raster(field.height, 0.05, 1.5, 0.05)).all()
    assert field.edge.any((1, 2)).all()


def test_unused_boxes_are_parked_apart_far_below() -> None:
    field = build_field(course(levels=1, columns=1, roughness=(0.0, 0.0)), {"plain": (plain, None, 1.0, False)}, 0)
    parked = field.boxes[0, 1:]
    assert parked[:, 2] == pytest.approx(-50.0 - 2.0 * np.arange(1, 48))
    assert (parked[:, 3:7] == [1, 0, 0, 0]).all() and parked[:, 7:] == pytest.approx(0.05)


def test_goals_are_filled_up_with_the_last_one() -> None:
    field = build_field(course(levels=1, columns=1), {"plain": (plain, None, 1.0, True)}, 0)
    assert field.goal_count.tolist() == [1] and field.flat.tolist() == [True]
    assert (field.goals[0] == field.goals[0, 0]).all() and field.goals[0, 0, 0] >= 3.0


def test_same_seed_same_field_other_seed_another() -> None:
    def make(seed: int) -> np.ndarray:
        return build_field(course(levels=2, columns=6), builtin(), seed).boxes

    assert (make(5) == make(5)).all()
    assert not (make(5) == make(6)).all()
    assert np.isfinite(make(-1)).all()


def test_a_patch_depends_on_seed_level_and_column_alone() -> None:
    small = build_field(course(levels=2, columns=2, difficulty_range=(0.5, 0.5)), builtin(gap=1.0), 3)
    large = build_field(course(levels=4, columns=5, difficulty_range=(0.5, 0.5)), builtin(gap=1.0), 3)
    for level in range(2):
        for column in range(2):
            assert (small.boxes[level * 2 + column] == large.boxes[level * 5 + column]).all()
    assert len(np.unique(large.boxes[:, 2, 0])) == 20


def test_difficulties_by_level_and_at_random() -> None:
    terrains = {"plain": FieldTerrain(plain, None, 1.0)}
    by_level = build_field(course(levels=5, columns=1, difficulty_range=(0.7, 1.0)), terrains, 0).difficulty
    assert by_level == pytest.approx(np.linspace(0.7, 1.0, 5))
    assert build_field(course(levels=1, columns=1), terrains, 0).difficulty.tolist() == [0.0]
    random = course(levels=5, columns=20, difficulty="random", difficulty_range=(0.7, 1.0))
    drawn = build_field(random, terrains, 0).difficulty
    assert drawn.min() >= 0.7 and drawn.max() <= 1.0 and len(np.unique(drawn)) == 100
    assert drawn.mean() == pytest.approx(0.85, abs=0.03)


def test_the_training_field_builds_in_seconds() -> None:
    begin = time.process_time()
    build_field(course(), builtin(gap=1.0, hurdle=1.0, step=1.0, tilt=1.0, flat=1.0), 0)
    assert time.process_time() - begin < 15.0  # about 2 s when nothing else runs


# -- terrains that break their contract --------------------------------------------------------------------------------


def crooked(difficulty: float, rng: np.random.Generator, params: object) -> None:
    raise KeyError("beam width")


NAN = Box((5.0, float("nan"), 0.0), (1.0, 1.0, 1.0))
BAD = {
    "raises": (crooked, r"KeyError: 'beam width'"),
    "nan box": (returning([GROUND, NAN]), "NaN or infinite"),
    "thin box": (returning([GROUND, Box((5, 0, 0), (1, 0.0, 1))]), "half size 0 m, expected above 0"),
    "long quaternion": (returning([Box((5, 0, 0), (1, 1, 1), (2.0, 0, 0, 0))]), "quaternion of length 2, expected 1"),
    "no box": (returning([]), "got 0 boxes, expected 1 to 48"),
    "no goals": (returning(goals=np.zeros((0, 2))), "got 0 goals, expected 1 to 8"),
    "too many goals": (returning(goals=[(5.0, 0.0)] * 9), "got 9 goals, expected 1 to 8"),
    "three-dimensional goals": (returning(goals=[(5.0, 0.0, 0.0)]), r"shape \(1, 3\), expected \(G, 2\)"),
    "nan goal": (returning(goals=[(5.0, float("nan"))]), "goal or the spawn is NaN"),
    "goal outside": (returning(goals=[(5.0, 0.0), (17.0, 0.0)]), r"goal 1 is at \(17.00, 0.00\), expected it inside"),
    "spawn outside": (returning(spawn=(1.0, -2.5, 0.0)), r"the spawn is at \(1.00, -2.50\), expected it inside"),
    "nan spawn": (returning(spawn=(1.0, 0.0, float("nan"))), "spawn is NaN"),
    "not a box": (returning([GROUND, "plank"]), "wrong type or shape"),
    "not a patch": (lambda *_: [GROUND], "got a list, expected a SubTerrain"),
    "wrong signature": (lambda difficulty: None, "TypeError: .* positional argument"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_terrain_that_breaks_its_contract_is_named(case: str) -> None:
    target, said = BAD[case]
    with pytest.raises(TerrainError, match=said) as caught:
        build_field(course(levels=1, columns=1), {"beams": (target, None, 1.0, False)}, 0)
    assert "'beams'" in caught.value.message and "\n" not in caught.value.message
    assert caught.value.hint == "parkour plugins show beams"


def test_a_budget_below_a_generators_need_is_an_error() -> None:
    with pytest.raises(TerrainError, match=r"terrain .tilt.: got 1[0-9] boxes, expected 1 to 9"):
        build_field(course(levels=1, columns=1, max_boxes=9), builtin(tilt=1.0), 0)


def test_lists_of_goals_do_as_well_as_arrays() -> None:
    target = returning()
    patch = target(0.0, None, None)
    object.__setattr__(patch, "goals", [(5.0, 0.5)])
    field = build_field(course(levels=1, columns=1), {"list": (lambda *_: patch, None, 1.0, False)}, 0)
    assert field.goals[0, 3].tolist() == [5.0, 0.5]
    assert field.grid == Grid.of_patch(0.05)
