"""Training that cannot begin: each reason is one error, and nothing is left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from parkour.errors import CheckpointError, DeviceError, ParkourError, StorageError, TaskError, UnknownNameError
from parkour.learning.train import train
from tests.learning.fakes import SIZES, FakeEnv, fake_task
from tests.learning.runs import options, run


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"num_envs": 0}, ParkourError, "got 0 environments, expected at least 1"),
        ({"iterations": 0}, ParkourError, "--iterations: got 0"),
        ({"save_interval": -1}, ParkourError, "--save-interval: got -1"),
        ({"time_limit": 0.0}, ParkourError, "--time-limit: got 0 minutes"),
        ({"seed": -1}, ParkourError, "--seed: got -1"),
        ({"logger": "paper"}, UnknownNameError, "unknown logger 'paper'"),
        ({"run_name": "../up"}, ParkourError, "--run-name: got '../up'"),
        ({"device": "gpu"}, DeviceError, "got device 'gpu', expected 'cpu'"),
        ({"run": Path("x")}, ParkourError, "--run names a run"),
        ({"resume": True}, CheckpointError, "no checkpoint found"),
        ({"resume": True, "run": Path("nowhere")}, CheckpointError, "nowhere does not exist"),
        ({"checkpoint": Path("none.pt")}, CheckpointError, "none.pt does not exist"),
    ],
)
def test_bad_options_are_told_and_leave_nothing(
    tmp_path: Path, changes: dict[str, Any], error: type[ParkourError], message: str
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
    with pytest.raises(ParkourError, match="has trained 2 iterations, expected fewer than the 1 wanted"):
        run(tmp_path, iterations=1, resume=True)


def test_options_of_a_run_that_lack_one(tmp_path: Path) -> None:
    first = run(tmp_path, iterations=1)
    (first.run / "options.toml").write_text("seed = 1\n")
    with pytest.raises(ParkourError, match=r"options\.toml: it has no engine$"):
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


def test_rollout_too_small_for_its_mini_batches(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="1 environments and 4 steps is too small for 4 mini-batches"):
        run(tmp_path, "algorithm.params.mini_batches=4", num_envs=1)
