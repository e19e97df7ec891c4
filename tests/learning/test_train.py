"""A whole training run on the fake environment: files, resuming, stopping, learning."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from parkour.errors import (
    CheckpointError,
    DeviceError,
    ParkourError,
    StorageError,
    TaskError,
    TrainingError,
    UnknownNameError,
)
from parkour.learning import checkpoint as checkpoint_module
from parkour.learning import video as video_module
from parkour.learning.checkpoint import load_checkpoint, save_checkpoint, slim
from parkour.learning.checkpoint_files import checkpoints_of, newest_checkpoint
from parkour.learning.inference import load_actor, load_policy, task_of
from parkour.learning.options import RunResult, TrainOptions
from parkour.learning.runner import Iteration
from parkour.learning.train import train
from parkour.tasks import task_to_toml
from tests.learning.fakes import SIZES, FakeEnv, fake_task, make_env

ROOT = Path(__file__).parents[2]


class Recorder:
    """Keeps every iteration; may do something at one of them."""

    def __init__(self) -> None:
        self.seen: list[Iteration] = []
        self.closed = False

    def on_iteration(self, iteration: Iteration) -> None:
        self.seen.append(iteration)

    def close(self) -> None:
        self.closed = True

    def losses(self) -> list[dict[str, float]]:
        return [
            {name: value for name, value in item.scalars.items() if name.startswith(("Loss/", "Policy/", "Train/"))}
            for item in self.seen
        ]


def options(tmp_path: Path, **changes: object) -> TrainOptions:
    defaults = TrainOptions(
        num_envs=8, iterations=4, save_interval=2, device="cpu", log_root=tmp_path, logger="none", progress=False
    )
    return replace(defaults, **changes)


def run(tmp_path: Path, *sets: str, recorder: Recorder | None = None, **changes: object) -> RunResult:
    listeners = [recorder] if recorder else []
    return train(fake_task(*sets), options(tmp_path, **changes), make_env=make_env, listeners=listeners)


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
    loaded = load_checkpoint(run(tmp_path, seed=5).checkpoint)
    assert (loaded.stamp.name, loaded.stamp.stage, loaded.seed, loaded.num_envs) == ("go2-teacher", "teacher", 5, 8)
    assert loaded.stamp.observations == {name: (size,) for name, size in SIZES.items()}
    assert loaded.total_steps == 4 * 8 * 4 and loaded.versions["torch"]
    assert {key.split(".")[0] for key in loaded.model["actor_state_dict"]} >= {"estimator", "history_encoder"}
    assert task_to_toml(task_of(loaded)) == loaded.task_toml == task_to_toml(fake_task())


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
    with pytest.raises(CheckpointError, match="slim copy"):
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


# -- stopping --------------------------------------------------------------------------------------------------------


def start_worker(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.learning.worker", str(tmp_path), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(text):
            return
    raise AssertionError(f"the process ended before it said {text!r}")


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C")])
def test_signal_saves_a_checkpoint_and_says_where(tmp_path: Path, number: int, name: str) -> None:
    process = start_worker(tmp_path, "100000")
    read_until(process, "iteration 3")
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    end = output.splitlines()[-1].split()
    assert end[0] == "end" and end[2] == name
    loaded = load_checkpoint(Path(end[-1]))
    assert loaded.iteration == int(end[1]) >= 3 and not loaded.slim


def test_kill_leaves_a_checkpoint_from_which_the_run_goes_on(tmp_path: Path) -> None:
    process = start_worker(tmp_path, "100000")
    read_until(process, "iteration 5")
    process.kill()
    process.communicate(timeout=60)
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    last = newest_checkpoint(folder)
    saved = load_checkpoint(last).iteration
    assert saved >= 4
    process = start_worker(tmp_path, str(saved + 2), "resume", "fast")
    output, _ = process.communicate(timeout=60)
    assert output.splitlines()[-1] == f"end {saved + 2} done {folder / f'model_{saved + 2}.pt'}"


def test_time_limit(tmp_path: Path) -> None:
    result = run(tmp_path, iterations=10**6, time_limit=0.01)
    assert result.stopped == "0.01 minutes are over"
    assert load_checkpoint(result.checkpoint).iteration == result.iterations


def test_disk_full_while_training_keeps_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch.save
    calls: list[int] = []

    def save(payload: object, file: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(payload, file)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint_module.torch, "save", save)
    with pytest.raises(StorageError, match="No space left on device"):
        run(tmp_path, iterations=6)
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    assert [p.name for p in checkpoints_of(folder)] == ["model_2.pt"]
    assert load_checkpoint(folder / "model_2.pt").iteration == 2


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"num_envs": 0}, ParkourError, "got 0 environments, expected at least 1"),
        ({"iterations": 0}, ParkourError, "--iterations: got 0"),
        ({"save_interval": -1}, ParkourError, "--save-interval: got -1"),
        ({"time_limit": 0.0}, ParkourError, "--time-limit: got 0 minutes"),
        ({"seed": -1}, ParkourError, "--seed: got -1"),
        ({"logger": "paper"}, ParkourError, "--logger: got 'paper'"),
        ({"run_name": "../up"}, ParkourError, "--run-name: got '../up'"),
        ({"device": "gpu"}, DeviceError, "got device 'gpu', expected 'cpu'"),
        ({"run": Path("x")}, ParkourError, "--run names a run"),
        ({"resume": True}, CheckpointError, "no run with a checkpoint"),
        ({"resume": True, "run": Path("nowhere")}, CheckpointError, "nowhere does not exist"),
        ({"checkpoint": Path("none.pt")}, CheckpointError, "none.pt does not exist"),
    ],
)
def test_bad_options_are_told_and_leave_nothing(
    tmp_path: Path, changes: dict[str, object], error: type[ParkourError], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(tmp_path, **changes)
    assert not list(tmp_path.rglob("model_*.pt"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_cuda_without_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="got device 'cuda', but torch sees no CUDA GPU"):
        run(tmp_path, device="cuda")


def test_unknown_engine_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown engine 'mujocco'.*did you mean 'mujoco'"):
        train(fake_task(), options(tmp_path, engine="mujocco"))


def test_log_root_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot make the run folder"):
        run(tmp_path / "file")


def test_checkpoint_of_another_task_or_shape(tmp_path: Path) -> None:
    first = run(tmp_path)
    with pytest.raises(CheckpointError, match="is of task 'go2-teacher', expected 'other'"):
        run(tmp_path, "name='other'", resume=True, run=first.run, iterations=9)
    with pytest.raises(CheckpointError, match=r"actor\.mlp\.0\.weight has shape 32x114, expected 48x114"):
        run(tmp_path, "policy.params.hidden_dims=[48, 16]", resume=True, run=first.run, iterations=9)
    small = {**SIZES, "height_scan": 60}
    with pytest.raises(CheckpointError, match="group 'height_scan' has shape 132, the task has 60"):
        train(
            fake_task(),
            options(tmp_path, resume=True, run=first.run, iterations=9),
            make_env=lambda task, n, device, seed: FakeEnv(n, seed, sizes=small),
        )


def test_run_that_is_finished_already(tmp_path: Path) -> None:
    run(tmp_path, iterations=2)
    with pytest.raises(ParkourError, match="has trained 2 iterations, expected fewer than the 2 wanted"):
        run(tmp_path, iterations=2, resume=True)


def test_environment_that_cannot_be_made_leaves_no_folder(tmp_path: Path) -> None:
    def broken(*args: object) -> FakeEnv:
        raise ParkourError("no")

    with pytest.raises(ParkourError, match="no"):
        train(fake_task(), options(tmp_path), make_env=broken)
    assert not list((tmp_path / "rsl_rl" / "go2-teacher").iterdir())


def test_missing_observation_group_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="the task lacks height_scan"):
        run(tmp_path, "observations.height_scan.enabled=false")


# -- the deployed policy ---------------------------------------------------------------------------------------------


def test_loaded_policy_is_the_trained_actor_on_deployed_inputs(tmp_path: Path) -> None:
    result = run(tmp_path)
    env = FakeEnv(5, seed=3)
    actions = load_policy(result.checkpoint, env, fake_task())(env.get_observations())
    actor = load_actor(result.checkpoint, env)
    assert not actor.training
    assert torch.equal(actions, actor(env.get_observations()))
    assert torch.equal(actions, actor.train().act_inference(env.get_observations()))
    other = env.get_observations().clone()
    other["privileged_latent"] += 1.0
    other["privileged_explicit"] += 1.0
    assert torch.equal(actions, load_policy(result.checkpoint, env, fake_task())(other))


def test_runner_and_loaded_policy_act_alike(tmp_path: Path) -> None:
    from parkour.learning.runner import TrainingRunner
    from parkour_policies.rma_teacher import rma_teacher

    result = run(tmp_path)
    env = FakeEnv(5, seed=3)
    runner = TrainingRunner(env, rma_teacher(fake_task()).train_cfg | {"num_steps_per_env": 4})
    runner.alg.load(load_checkpoint(result.checkpoint).model, {"actor": True, "critic": True}, True)
    policy = load_policy(result.checkpoint, env, fake_task())
    assert torch.equal(runner.get_inference_policy()(env.get_observations()), policy(env.get_observations()))


def test_git_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(repo)]
    subprocess.run([*git, "init", "-q"], check=True)
    (repo / "x.txt").write_text("one\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "m"], check=True)
    (repo / "x.txt").write_text("two\n")
    monkeypatch.chdir(repo)
    text = (run(tmp_path, git_state=True, iterations=1).run / "git.txt").read_text()
    assert "-one" in text and "+two" in text and "# commit" in text
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    outside = train(fake_task(), options(tmp_path, git_state=True, iterations=1), make_env=make_env, notify=said.append)
    assert not (outside.run / "git.txt").exists() and any("--git-state" in line for line in said)


def test_wandb_is_asked_for_only_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ParkourError, match="--logger wandb needs the package wandb"):
        run(tmp_path, logger="wandb")


def test_wandb_that_cannot_log_in_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class LoginError(Exception):
        pass

    def init(**settings: object) -> None:
        raise LoginError("No API key configured.")

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(Error=LoginError, init=init))
    with pytest.raises(ParkourError, match="--logger wandb: No API key configured"):
        run(tmp_path, logger="wandb")


def test_diverged_training_stops_before_it_saves(tmp_path: Path) -> None:
    class Nan(FakeEnv):
        def step(self, actions: torch.Tensor) -> tuple:
            obs, reward, done, extras = super().step(actions)
            return obs, reward * (float("nan") if self.steps > 8 else 1.0), done, extras

    with pytest.raises(TrainingError, match="training diverged in iteration 3: loss 'value' is nan"):
        train(fake_task(), options(tmp_path), make_env=lambda task, n, device, seed: Nan(n, seed))
    (folder,) = (tmp_path / "rsl_rl" / "go2-teacher").iterdir()
    assert [p.name for p in checkpoints_of(folder)] == ["model_2.pt"]


def test_rollout_too_small_for_its_mini_batches(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="1 environments and 4 steps is too small for 4 mini-batches"):
        run(tmp_path, "algorithm.params.mini_batches=4", num_envs=1)


class Camera(FakeEnv):
    def render(self) -> np.ndarray:
        return np.full((33, 48, 3), self.steps % 255, dtype=np.uint8)


@pytest.mark.parametrize("codec", ["mp4", "webp"])
def test_video_of_the_policy(tmp_path: Path, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if codec == "webp":
        monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    else:
        pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setattr(video_module, "SECONDS", 1.0)
    result = train(fake_task(), options(tmp_path, video=True), make_env=lambda task, n, device, seed: Camera(n, seed))
    film = result.run / "videos" / f"model_4.{codec}"
    assert film.stat().st_size > 100


def test_engine_without_pictures_loses_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    result = train(fake_task(), options(tmp_path, video=True), make_env=make_env, notify=said.append)
    assert result.checkpoint.is_file() and any("--video: the engine gives no pictures" in line for line in said)
