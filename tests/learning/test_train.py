"""A whole training run on the fake environment: files, metrics, resuming, learning."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from parkour.errors import CheckpointError
from parkour.learning.train import train
from parkour.policies.checkpoint import slim
from parkour.policies.checkpoint_file import load_checkpoint, save_checkpoint
from parkour.policies.source import weights_at
from parkour.policies.task import task_of
from parkour.tasks import task_tables
from tests.learning.fakes import SIZES, FakeEnv, fake_task, make_env
from tests.learning.runs import Recorder, options, run


def test_run_leaves_checkpoints_task_and_metrics(tmp_path: Path) -> None:
    recorder = Recorder()
    result = run(tmp_path, recorder=recorder, iterations=5, run_name="first")
    assert result.run.parent == tmp_path / "rsl_rl" / "go2-teacher"
    assert result.run.name.endswith("_first")
    assert {p.name for p in result.run.iterdir()} == {
        "model_2.pt", "model_4.pt", "model_5.pt", "task.toml", "options.toml", "metrics.jsonl"
    }  # fmt: skip
    assert result.checkpoint == result.run / "model_5.pt" and result.iterations == 5 and not result.stopped
    rows = [json.loads(line) for line in (result.run / "metrics.jsonl").read_text().splitlines()]
    assert [row["iteration"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[-1]["total_steps"] == 5 * 8 * 4
    wanted = {"Loss/value", "Loss/surrogate", "Loss/estimator", "Loss/learning_rate", "Policy/mean_std"}
    wanted |= {"Perf/steps_per_second", "Perf/collection_time", "Perf/learning_time"}
    wanted |= {"Terrain_Level/gap", "Way_Points/gap", "Physics/nan_resets"}
    assert wanted <= rows[-1].keys()
    # Nothing ended on this terrain: no number, rather than a wrong one.
    assert "Way_Points/step" not in rows[-1]
    assert recorder.closed


def test_checkpoint_tells_what_it_is_of(tmp_path: Path) -> None:
    weights = weights_at(run(tmp_path, seed=5).checkpoint)
    loaded = weights.checkpoint
    assert (loaded.stamp.name, loaded.stamp.stage, loaded.seed, loaded.num_envs) == ("go2-teacher", "teacher", 5, 8)
    assert loaded.stamp.observations == {name: (size,) for name, size in SIZES.items()}
    assert loaded.total_steps == 4 * 8 * 4 and loaded.versions["torch"]
    assert {key.split(".")[0] for key in loaded.model["actor_state_dict"]} >= {"estimator", "history_encoder"}
    assert task_tables(task_of(weights)) == loaded.task == task_tables(fake_task())


def test_tensorboard_files(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result = run(tmp_path, logger="tensorboard", iterations=3)
    events = EventAccumulator(str(result.run))
    events.Reload()
    assert {"Loss/value", "Terrain_Level/gap", "Perf/steps_per_second"} <= set(events.Tags()["scalars"])
    assert [item.step for item in events.Scalars("Loss/value")] == [1, 2, 3]


def test_two_resumed_runs_of_one_seed_are_the_same(tmp_path: Path) -> None:
    first = run(tmp_path, iterations=3)
    losses = []
    for name in ("a", "b"):
        copy = tmp_path / name
        copy.mkdir()
        (copy / "model_3.pt").write_bytes(first.checkpoint.read_bytes())
        torch.manual_seed(len(losses) + 100)
        recorder = Recorder()
        run(tmp_path, recorder=recorder, iterations=6, resume=True, run=copy, num_envs=None)
        losses.append(recorder.losses())
        assert [item.index for item in recorder.seen] == [4, 5, 6]
    assert losses[0] == losses[1]


def test_resume_takes_up_everything(tmp_path: Path) -> None:
    first = run(tmp_path, iterations=4, seed=9)
    recorder = Recorder()
    result = run(tmp_path, recorder=recorder, iterations=6, resume=True, num_envs=None, seed=None)
    assert result.run == first.run and result.iterations == 6
    before, after = load_checkpoint(first.checkpoint), load_checkpoint(result.checkpoint)
    assert recorder.seen[-1].total_steps == 6 * 8 * 4 and after.total_steps == 6 * 8 * 4
    assert after.seed == 9 and after.num_envs == 8 and after.seconds > before.seconds
    assert before.env is not None and after.env is not None
    assert (after.env["course"]["level"] >= before.env["course"]["level"]).all()
    assert before.optimizers is not None and after.optimizers is not None
    step = lambda c: c.optimizers["ppo"]["state"][0]["step"].item()  # noqa: E731
    assert (step(before), step(after)) == (16, 24)
    rows = [json.loads(line)["iteration"] for line in (result.run / "metrics.jsonl").read_text().splitlines()]
    assert rows == [1, 2, 3, 4, 5, 6]


def test_resuming_from_an_earlier_checkpoint_forgets_the_later_metrics(tmp_path: Path) -> None:
    first = run(tmp_path, iterations=4)
    with (first.run / "metrics.jsonl").open("a") as file:
        file.write('{"iteration": 5, "cut of')
    run(tmp_path, iterations=5, resume=True, checkpoint=first.run / "model_2.pt")
    rows = [json.loads(line)["iteration"] for line in (first.run / "metrics.jsonl").read_text().splitlines()]
    assert rows == [1, 2, 3, 4, 5]


def test_weights_alone_start_a_new_run(tmp_path: Path) -> None:
    first = run(tmp_path, iterations=2)
    slimmed = tmp_path / "slim.pt"
    save_checkpoint(slimmed, slim(load_checkpoint(first.checkpoint)))
    recorder = Recorder()
    second = run(
        tmp_path, "algorithm.params.learning_rate=0.0", "algorithm.params.desired_kl=1e9", recorder=recorder,
        iterations=1, checkpoint=slimmed, run_name="second",
    )  # fmt: skip
    assert second.run != first.run and recorder.seen[0].index == 1
    with pytest.raises(CheckpointError, match="weights alone, without optimizers"):
        run(tmp_path, resume=True, checkpoint=slimmed, iterations=9)


def test_learning_is_real(tmp_path: Path) -> None:
    recorder = Recorder()
    train(
        fake_task("algorithm.steps_per_env=16", "algorithm.params.learning_rate=1e-3"),
        options(tmp_path, iterations=60, num_envs=64),
        make_env=lambda task, n, device, seed: FakeEnv(n, seed, length=4),
        listeners=[recorder],
    )
    rewards = [item.scalars["Train/mean_reward"] for item in recorder.seen]
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 + 1.0
    assert recorder.seen[-1].scalars["Policy/mean_std"] < 0.95


def test_git_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(repo)]
    subprocess.run([*git, "init", "-q"], check=True)
    (repo / "x.txt").write_text("one\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "m"], check=True)
    (repo / "x.txt").write_bytes(b"two \xe9\n")  # Latin-1.
    # What a stranger's repository would have run.
    for key in ("core.fsmonitor", "diff.external"):
        subprocess.run([*git, "config", key, f"touch {tmp_path / 'ran'}"], check=True)
    monkeypatch.chdir(repo)
    text = (run(tmp_path, git_state=True, iterations=1).run / "git.txt").read_text()
    assert "-one" in text and "+two" in text and "# commit" in text
    assert not (tmp_path / "ran").exists()
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    outside = train(fake_task(), options(tmp_path, git_state=True, iterations=1), make_env=make_env, notify=said.append)
    assert not (outside.run / "git.txt").exists() and any("--git-state" in line for line in said)


def test_damaged_metrics_cost_a_line_and_not_the_run(tmp_path: Path) -> None:
    first = run(tmp_path, iterations=4)
    metrics = first.run / "metrics.jsonl"
    rows = metrics.read_bytes().splitlines(keepends=True)
    metrics.write_bytes(rows[0] + rows[1].replace(b"iteration", b"iter\xfftion") + rows[2] + rows[3] + rows[3][:20])
    said: list[str] = []
    train(fake_task(), options(tmp_path, iterations=5, resume=True), make_env=make_env, notify=said.append)
    numbers = [json.loads(line)["iteration"] for line in metrics.read_text().splitlines()]
    assert numbers == [1, 3, 4, 5]
    assert [line for line in said if " dropped " in line] == [f"{metrics}: 2 damaged line(s) dropped (2, 5)"]


def test_observation_groups_that_nobody_reads_are_named(tmp_path: Path) -> None:
    task, told = fake_task(), []
    model = task.model.model_copy(
        update={"observations": {**task.model.observations, "extra": task.model.observations["height_scan"]}}
    )
    extra = replace(task, model=model, observations={**task.observations, "extra": task.observations["height_scan"]})
    train(extra, options(tmp_path, iterations=1), make_env=make_env, notify=told.append)
    assert "observation groups that parkour-lab:rma-teacher does not read: extra" in told
    told.clear()
    train(task, options(tmp_path, iterations=1, run_name="plain"), make_env=make_env, notify=told.append)
    assert not [line for line in told if "does not read" in line]
