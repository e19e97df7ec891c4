"""What every engine's environment does alike, on one without physics."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from parkour.engines.task_env import Measurable, Rendering, TaskEnv
from parkour.errors import ParkourError
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from tests.evaluation.fakes import QUICK, GlidingEnv


@pytest.fixture
def env() -> TaskEnv:
    return GlidingEnv(
        load_task("go2-teacher", overlay="train", changes=read_changes((*QUICK, "timing.episode_length=0.4"))),
        6,
        "cpu",
        3,
    )


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([[0.0] * 12] * 6, "got actions of type list, expected a torch.Tensor"),
        (torch.zeros(6, 11), r"got actions of shape \(6, 11\), expected \(6, 12\): environments, joints"),
        (torch.zeros(12), r"got actions of shape \(12,\), expected \(6, 12\)"),
        (torch.zeros(6, 12, dtype=torch.int64), "got actions of dtype torch.int64, expected torch.float32"),
        (torch.zeros(6, 12, device="meta"), "got actions on meta, expected them on the environments' device cpu"),
    ],
)
def test_wrong_actions_are_one_clear_error(env: TaskEnv, actions: Any, message: str) -> None:
    for step in (env.step, env.transition):
        with pytest.raises(ParkourError, match=message):
            step(actions)


def test_other_floating_point_numbers_are_taken(env: TaskEnv) -> None:
    assert env.transition(torch.zeros(6, 12, dtype=torch.float64)).reward.shape == (6,)


def test_rsl_rl_is_told_ends_without_failure_and_statistics_once_per_iteration(env: TaskEnv) -> None:
    logs = []
    for _ in range(2 * env.task.model.algorithm.steps_per_env):
        _, reward, done, extras = env.step(torch.zeros(6, 12))
        assert reward.shape == done.shape == (6,) and done.dtype == torch.int64
        assert extras["time_outs"].dtype == torch.bool and not (extras["time_outs"] & (done == 0)).any()
        logs.append("log" in extras)
    assert sum(logs) == 2 and logs[-1]


def test_the_same_seed_gives_the_same_levels_and_observations(env: TaskEnv) -> None:
    env.mdp.course.set_levels(torch.arange(6), torch.full((6,), 4))
    first = {name: value.clone() for name, value in env.reset(seed=1)[0].items()}
    levels = env.mdp.course.level.clone()
    for _ in range(30):  # Episodes of 20 steps: levels change.
        env.step(torch.randn(6, 12))
    env.reset()
    again, _ = env.reset(seed=1)
    assert torch.equal(env.mdp.course.level, levels)
    for name in ("height_scan", "privileged_latent"):
        torch.testing.assert_close(again[name], first[name])


def test_abilities_are_asked_for(env: TaskEnv) -> None:
    assert not isinstance(env, Rendering) and not isinstance(env, Measurable)
