"""Metrics against a slow computation on a recorded rollout, and the pieces that they are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from parkour.engines.choice import choose_engine
from parkour.evaluation import rollout as rollout_module
from parkour.evaluation.episodes import EpisodeRecorder, EpisodeTable
from parkour.evaluation.metrics import find_metrics
from parkour.evaluation.protocol import TaskChanges, evaluation_task, find_protocol, level_plan
from parkour.evaluation.rollout import quota, roll_out
from parkour.evaluation.summary import bin_edges, bin_of, break_down, wilson
from parkour_cli.changes import read_changes
from tests.evaluation.fakes import QUICK, GlidingEnv, gliding_env, write_weights
from tests.evaluation.recording import Recording, slow_episodes


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    """Records every rollout that follows."""
    made: list[Recording] = []
    run = rollout_module._run

    def recorded(env: Any, policy: Any, task: Any, recorder: Any, *rest: Any) -> int:
        made.append(Recording(env.mdp, recorder))

        class Proxy:
            complete, scored, episodes = recorder.complete, recorder.scored, recorder.episodes

            def __call__(self, *step: Any) -> None:
                made[-1](*step)

        return run(env, policy, task, Proxy(), *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(rollout_module, "_run", recorded)
    return made


def compare_with_slow(table: EpisodeTable, recording: Recording, episodes: int, step_dt: float) -> None:
    slow = slow_episodes(recording, episodes)
    assert len(slow) == len(table) == table.values["steps"].shape[0]
    assert [row["environment"] for row in slow] == table.environment.tolist()
    assert [row["terrain"] for row in slow] == [table.terrains[index] for index in table.terrain]
    for name in ("steps", "success", "fall", "goals", "edge"):
        assert [row[name] for row in slow] == table.values[name].tolist(), name
    for name in ("difficulty", "way_points", "way_points_before", "return", "power", "displacement"):
        np.testing.assert_allclose(table.values[name], [row[name] for row in slow], rtol=1e-4, atol=1e-5, err_msg=name)
    for index, values in enumerate(table.rewards.values()):
        np.testing.assert_allclose(values, [row["terms"][index] for row in slow], rtol=1e-4, atol=1e-6)
    parts = break_down(table, (0.0, 1.0))
    for name, group in {**parts.by_terrain, "overall": parts.overall}.items():
        rows = [row for row in slow if name in (row["terrain"], "overall")]
        steps = np.concatenate([row["edges"] for row in rows])
        assert group.episodes == len(rows)
        assert group.metrics["edge_per_step"].mean == pytest.approx(steps.mean())
        assert group.metrics["edge_per_step"].std == pytest.approx(steps.std())
        per_episode = np.array([sum(row["edges"]) for row in rows])
        assert group.metrics["edge_per_episode"].mean == pytest.approx(per_episode.mean())
        assert group.metrics["edge_per_episode"].std == pytest.approx(per_episode.std())
        assert group.metrics["success"].mean == pytest.approx(np.mean([row["success"] for row in rows]))
        assert group.metrics["length"].mean == pytest.approx(step_dt * np.mean([row["steps"] for row in rows]))
        for goals, part in enumerate(group.reached):
            assert part == pytest.approx(np.mean([row["goals"] >= goals for row in rows]))
    cells = [cell for row in parts.cells.values() for cell in row]
    assert sum(cell.episodes for cell in cells) == len(slow)


def test_metrics_equal_a_slow_computation(tmp_path: Path, recordings: list[Recording]) -> None:
    weights = write_weights(tmp_path)
    task = evaluation_task(
        weights, find_protocol("course"), TaskChanges(changes=read_changes((*QUICK, "timing.episode_length=6.0")))
    )
    result = roll_out(
        task, weights, make_env=gliding_env, num_envs=11, steps=700, device="cpu", seed=3, stratified=True
    )
    table = result.episodes
    assert len(table) == 33 and table.unfinished.sum() == 0 and result.steps <= 900
    # All kinds of ends are there, and feet on edges.
    assert all(table.values[name].sum() > 0 for name in ("success", "fall", "time_out", "edge"))
    total = sum(table.values[name] for name in ("success", "fall", "time_out"))
    assert (total == 1.0).all()
    compare_with_slow(table, recordings[0], 3, task.model.step_dt)


@pytest.mark.mujoco
@pytest.mark.slow
def test_metrics_equal_a_slow_computation_on_the_engine(tmp_path: Path, recordings: list[Recording]) -> None:
    weights = write_weights(tmp_path)
    changes = TaskChanges(changes=read_changes((*QUICK, "timing.episode_length=0.8", "events.push.interval=0.2")))
    task = evaluation_task(weights, find_protocol("course"), changes)
    _, engine = choose_engine("mujoco")

    def make(task: Any, num_envs: int, device: str, seed: int) -> Any:
        return engine.make_env(task, num_envs=num_envs, device=device, seed=seed)

    run = lambda: roll_out(  # noqa: E731
        task, weights, make_env=make, num_envs=5, steps=80, device="cpu", seed=2, stratified=True
    )
    first = run().episodes
    assert len(first) == 10
    compare_with_slow(first, recordings[0], 2, task.model.step_dt)
    again = run().episodes
    for name, values in first.values.items():
        np.testing.assert_array_equal(values, again.values[name], err_msg=name)


def test_every_environment_is_scored_equally_often(tmp_path: Path) -> None:
    """Robots that fall early have many more episodes in the time; they count no more than others."""
    weights = write_weights(tmp_path)
    task = evaluation_task(
        weights, find_protocol("course"), TaskChanges(changes=read_changes((*QUICK, "timing.episode_length=10.0")))
    )
    seen: list[GlidingEnv] = []

    def make(task: Any, num_envs: int, device: str, seed: int) -> GlidingEnv:
        env = GlidingEnv(task, num_envs, device, seed)
        seen.append(env)
        return env

    table = roll_out(
        task, weights, make_env=make, num_envs=10, steps=1000, device="cpu", seed=1, stratified=True
    ).episodes
    assert np.bincount(table.environment).tolist() == [2] * 10
    assert np.bincount(table.terrain).tolist() == [4] * 5
    assert seen[0].closed


def test_episodes_that_nothing_ends_are_left_out(tmp_path: Path) -> None:
    weights = write_weights(tmp_path)
    ends = [f"terminations.{name}.enabled=false" for name in ("time_out", "course_completed", "bad_orientation")]
    task = evaluation_task(
        weights,
        find_protocol("course"),
        TaskChanges(changes=read_changes((*QUICK, "timing.episode_length=6.0", *ends))),
    )
    result = roll_out(
        task, weights, make_env=gliding_env, num_envs=10, steps=100, device="cpu", seed=3, stratified=True
    )
    table = result.episodes
    assert result.steps == 300
    # Only those that fell are whole.
    assert 0 < len(table) < 10 and (table.values["fall"] == 1.0).all()
    assert table.unfinished.sum() == 10 - len(table)


def test_broken_physics_leaves_finite_figures(tmp_path: Path) -> None:
    weights = write_weights(tmp_path)
    task = evaluation_task(
        weights, find_protocol("course"), TaskChanges(changes=read_changes((*QUICK, "timing.episode_length=4.0")))
    )

    class Breaking(GlidingEnv):
        def _measure(self) -> Any:
            seen = super()._measure()
            if hasattr(self, "episode_length_buf") and self.mdp._steps == 30:
                seen.robot.base_pos[2] = torch.nan
                seen.robot.joint_torque[2] = torch.inf
            return seen

    table = roll_out(
        task, weights, make_env=Breaking, num_envs=5, steps=100, device="cpu", seed=3, stratified=True
    ).episodes
    assert all(np.isfinite(values).all() for values in (*table.values.values(), *table.rewards.values()))
    assert table.values["broken"][table.environment == 2].sum() == 1
    assert table.values["fall"][table.environment == 2].sum() >= 1


@given(
    per_terrain=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    levels=st.integers(1, 20),
    episodes=st.integers(1, 4),
    seed=st.integers(0, 2**40),
)
@settings(max_examples=60, deadline=None)
def test_level_plan_spreads_levels_evenly(per_terrain: list[int], levels: int, episodes: int, seed: int) -> None:
    terrain = np.repeat(np.arange(len(per_terrain)), per_terrain)
    plan = level_plan(terrain, levels, episodes, seed)
    assert plan.shape == (len(terrain), episodes) and plan.min() >= 0 and plan.max() < levels
    np.testing.assert_array_equal(plan, level_plan(terrain, levels, episodes, seed))
    for index in range(len(per_terrain)):
        drawn = np.sort(plan[terrain == index].ravel())
        count = len(drawn)
        # The k-th of n lies in the k-th of n equal parts of the levels.
        assert (drawn >= np.floor(np.arange(count) / count * levels)).all()
        assert (drawn <= np.ceil(np.arange(1, count + 1) / count * levels)).all()


def test_level_plan_depends_on_the_seed() -> None:
    terrain = np.repeat(np.arange(3), 8)
    assert not np.array_equal(level_plan(terrain, 20, 2, 1), level_plan(terrain, 20, 2, 2))


def test_bins() -> None:
    edges = bin_edges((0.0, 1.0))
    assert edges == pytest.approx((0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
    difficulty = np.array([0.0, 0.19, 0.2, np.float32(0.6), 0.99, 1.0])
    assert bin_of(difficulty, edges).tolist() == [0, 0, 1, 3, 4, 4]
    assert bin_edges((0.5, 0.5)) == (0.5, 0.5)
    assert bin_of(np.array([0.5, 0.5]), (0.5, 0.5)).tolist() == [0, 0]
    assert bin_edges((0.7, 1.0))[0] == 0.7


@pytest.mark.parametrize(
    ("successes", "episodes", "low", "high"), [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0)]
)
def test_wilson(successes: int, episodes: int, low: float, high: float) -> None:
    """Values of Newcombe's method 3 and of statsmodels' ``proportion_confint``."""
    assert wilson(successes, episodes) == pytest.approx((low, high), abs=1e-4)


def test_wilson_without_episodes() -> None:
    assert all(np.isnan(wilson(0, 0)))


def test_quota() -> None:
    assert [quota(steps, 1500) for steps in (1, 1000, 1500, 1501, 3000)] == [1, 1, 1, 2, 2]


def test_recorder_needs_no_host(tmp_path: Path) -> None:
    """Nothing in a step asks for a number: it runs on tensors that have none."""
    weights = write_weights(tmp_path)
    task = evaluation_task(weights, find_protocol("course"), TaskChanges(changes=read_changes(QUICK)))
    env = GlidingEnv(task, 5, "cpu", 0)
    recorder = EpisodeRecorder(env.mdp, 1)
    asked: list[str] = []

    def refuse(name: str) -> Any:
        original = getattr(torch.Tensor, name)

        def call(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            asked.append(name)
            return original(self, *args, **kwargs)

        return call

    env.step(torch.zeros(5, 12))
    ctx, done = env.mdp.context, torch.tensor([True, False, True, False, False])
    assert ctx is not None
    with pytest.MonkeyPatch.context() as patch:
        for name in ("item", "tolist", "cpu", "numpy", "nonzero", "__bool__", "__int__", "__float__"):
            patch.setattr(torch.Tensor, name, refuse(name))
        recorder(ctx, done, torch.ones(5))
    assert asked == []
    assert recorder.scored() == 2 and not recorder.complete()


def test_metric_keys_are_unique() -> None:
    metrics = find_metrics()
    assert len({metric.key for metric in metrics}) == len({metric.label for metric in metrics}) == len(metrics)
