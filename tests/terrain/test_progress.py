"""How far a robot has come: from the start, or along way points that lead back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from parkour.errors import TerrainError
from parkour.mdp.clock import Clock
from parkour.mdp.episode_ends import ended_episodes
from parkour.mdp.goals import GoalTracker
from parkour.mdp.terminations import TerminationSet
from parkour.terrain.box import Box
from parkour.terrain.field import FieldTerrain, TerrainField, build_field
from parkour.terrain.library import CourseLibrary, CourseState
from parkour.terrain.progress import way_lengths, winds
from parkour.terrain.sub_terrain import PATCH_LENGTH
from parkour_curricula.distance import by_distance
from tests.terrain.courses import builtin, course, returning

LOOP = ((5.0, 0.0), (5.0, 1.5), (1.0, 1.5), (1.0, 0.5))
"""There and back again: 4, 1.5, 4 and 1 m from the spawn at (1, 0)."""
AHEAD = ((5.0, 0.5), (9.0, -0.5))


def field() -> TerrainField:
    terrains = {
        "loop": FieldTerrain(returning(goals=LOOP), None, 1.0),
        "ahead": FieldTerrain(returning(goals=AHEAD), None, 1.0),
    }
    return build_field(course(levels=1, columns=2), terrains, 0)


def state(envs: int) -> CourseState:
    """Environments in turn on the loop and on the course ahead."""
    return CourseState(CourseLibrary(field()), envs)


@pytest.mark.parametrize(
    ("xy", "reached", "walked"),
    [((1.0, 0.0), 0, 0.0), ((3.0, 0.0), 0, 2.0), ((5.0, 0.0), 1, 4.0), ((3.0, 1.5), 2, 7.5), ((1.0, 1.0), 3, 10.0),
     ((1.0, 0.5), 4, 10.5), ((0.0, 0.0), 0, 0.0), ((9.0, 0.0), 1, 4.0)],
)  # fmt: skip
def test_a_way_that_leads_back_is_measured_along_it(xy: tuple[float, float], reached: int, walked: float) -> None:
    found = state(2)
    at, index = torch.tensor([xy, xy]), torch.tensor([reached, min(reached, 2)])
    assert found.distance_walked(at, index).tolist() == pytest.approx(
        [walked, float(np.hypot(xy[0] - 1.0, xy[1]))], abs=1e-5
    )
    assert found.displacement(at, index).tolist() == pytest.approx(
        [walked / 10.5, np.clip((xy[0] - 1.0) / PATCH_LENGTH, 0, 1)], abs=1e-5
    )


def test_a_broken_position_has_gone_nowhere() -> None:
    nowhere = torch.full((2, 2), torch.nan)
    assert state(2).displacement(nowhere, torch.zeros(2, dtype=torch.int64)).tolist() == [0.0, 0.0]


@pytest.mark.mujoco
def test_sim2sim_measures_the_same() -> None:
    from parkour_mujoco.sim2sim.courses import Patch

    rng = np.random.default_rng(0)
    patches = [Patch(field(), index) for index in (0, 1)]
    for _ in range(50):
        xy, reached = rng.uniform((-1, -2), (12, 2)).astype(np.float32), int(rng.integers(0, 3))
        both = state(2).displacement(torch.from_numpy(np.stack([xy, xy])), torch.tensor([reached, reached]))
        assert both.tolist() == pytest.approx([patch.displacement(xy, reached) for patch in patches], abs=1e-5)


def test_built_in_courses_lead_forward() -> None:
    made = build_field(
        course(levels=2, columns=8), builtin(**dict.fromkeys(("gap", "step", "tilt", "demo", "crawl"), 1)), 1
    )
    assert not winds(made.goals, made.spawn).any() and not CourseLibrary(made).any_winding
    assert way_lengths(made.goals, made.spawn)[:, -1].min() > 7.0


def test_whoever_has_walked_round_the_loop_goes_one_level_up() -> None:
    terrains = {
        name: FieldTerrain(returning(goals=goals), None, 1.0) for name, goals in (("loop", LOOP), ("on", AHEAD))
    }
    found = CourseState(CourseLibrary(build_field(course(levels=3, columns=2), terrains, 0)), 2, (1, 1))
    ended = ended_episodes(
        torch.ones(2, dtype=torch.bool),
        torch.tensor([[1.0, 1.0, 0.3]] * 2),
        torch.tensor([0.3, 0.3]),
        course=found,
        goals=cast("GoalTracker", SimpleNamespace(index=torch.tensor([3, 1]))),
        terminations=cast("TerminationSet", SimpleNamespace(failed=torch.zeros(2, dtype=torch.bool))),
        clock=Clock(step_dt=0.02, max_episode_steps=1000, perception_period=5),
    )
    # 10 m along the loop are more than 0.8 x 6 m; 1 m from the start is less than 0.4 x 6 m.
    assert by_distance(ended, up=0.8, down=0.4).tolist() == [2, 0]


# -- the limits of a patch ---------------------------------------------------------------------------------------------

WIDE = ((5.0, 0.0), (20.0, 5.0))
GROUND = Box.slab((-1.0, 25.0), (-7.0, 7.0), 0.0)


def test_a_patch_is_as_large_as_the_task_says() -> None:
    terrain = {"wide": FieldTerrain(returning([GROUND], goals=WIDE), None, 1.0)}
    with pytest.raises(
        TerrainError, match=r"inside the patch: x from 0 to 16 and y within ±2 \(course.length, course.width\)"
    ):
        build_field(course(levels=1, columns=1), terrain, 0)
    made = build_field(course(levels=1, columns=1, length=24.0, width=12.0), terrain, 0)
    assert made.grid.shape == (520, 280) and made.height.shape == (1, 520, 280) and made.length == 24.0
    found = CourseState(CourseLibrary(made), 1)
    assert abs(float(found.height(torch.tensor([[[22.0, 5.5]]])))) < 0.1
    assert float(found.displacement(torch.tensor([[13.0, 0.0]]), torch.tensor([1]))) == pytest.approx(0.5)
