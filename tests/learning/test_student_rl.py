"""Training runs of go2-student-rl: from a teacher and a student, resumed, in two processes; and their policies."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.errors import CheckpointError
from parkour.exporters.exporter import ExportOptions, export_policy
from parkour.learning.options import RunResult, TrainOptions
from parkour.learning.train import train
from parkour.policies.checkpoint import slim
from parkour.policies.checkpoint_file import load_checkpoint, save_checkpoint
from parkour.policies.deployed import load_policy
from parkour.policies.source import weights_at
from tests.exporters.conftest import write_checkpoint
from tests.learning.student_fakes import FakeStudentEnv, make_student_env, student_task, train_teacher

ROOT = Path(__file__).parents[2]
NAME = "go2-student-rl"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_teacher(tmp_path_factory.mktemp("teachers"))


def run(folder: Path, *sets: str, name: str = NAME, **changes: Any) -> RunResult:
    options = TrainOptions(
        num_envs=8, iterations=2, save_interval=1, device="cpu", log_root=folder, logger="none", progress=False
    )
    return train(student_task(*sets, name=name), replace(options, **changes), make_env=make_student_env)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory, teacher: Path) -> Path:
    folder = tmp_path_factory.mktemp("students")
    result = run(folder, name="go2-student", checkpoint=teacher)
    save_checkpoint(folder / "slim.pt", slim(load_checkpoint(result.checkpoint)))
    return folder / "slim.pt"


def test_begins_with_the_student_and_the_teachers_critic(tmp_path: Path, teacher: Path, student: Path) -> None:
    result = run(tmp_path, "algorithm.params.learning_rate=0.0", checkpoint=teacher, student=student)
    saved, taught, distilled = (load_checkpoint(path).model for path in (result.checkpoint, teacher, student))
    assert saved.keys() == {f"{name}_state_dict" for name in ("student", "teacher", "critic", "exploration")}
    for name, source, key in (
        ("student_state_dict", distilled, "student_state_dict"),
        ("teacher_state_dict", taught, "actor_state_dict"),
        ("critic_state_dict", taught, "critic_state_dict"),
    ):
        # The lowest rate is not nothing, and Adam's steps are as long as the rate.
        assert all((saved[name][k] - value).abs().max() < 2e-3 for k, value in source[key].items())


def test_resumed_run_goes_on(tmp_path: Path, teacher: Path, student: Path) -> None:
    first = run(tmp_path, checkpoint=teacher, student=student)
    again = run(tmp_path, iterations=4, resume=True, run=first.run, num_envs=None)
    before, after = (load_checkpoint(result.checkpoint) for result in (first, again))
    assert (before.iteration, after.iteration) == (2, 4)
    steps = [checkpoint.optimizers["student"]["state"][0]["step"] for checkpoint in (before, after)]  # type: ignore[index]
    assert steps == [2 * 4 * 8, 4 * 4 * 8]
    assert {"Loss/surrogate", "Loss/value", "Loss/kl", "Loss/imitation_weight"} < again.metrics.keys()
    assert again.metrics["Policy/mean_std"] == pytest.approx(0.3, abs=0.05)


def test_policy_loads_as_every_students(tmp_path: Path, teacher: Path, student: Path) -> None:
    result = run(tmp_path, checkpoint=teacher, student=student)
    small = tmp_path / "small.pt"
    save_checkpoint(small, slim(load_checkpoint(result.checkpoint)))
    assert load_checkpoint(small).model.keys() == {"student_state_dict"}
    # Of either task: what it was trained with is no matter to who plays it.
    policies = [
        load_policy(weights_at(path), student_task(name=name), FakeStudentEnv(3))
        for path in (result.checkpoint, small)
        for name in (NAME, "go2-student")
    ]
    env = FakeStudentEnv(3)
    actions = [policy(env.get_observations()) for policy in policies]
    assert all(torch.equal(action, actions[0]) for action in actions) and actions[0].abs().max() > 0.0


def test_export_is_that_of_a_student(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "model_7.pt", "student-rl")
    result = export_policy(weights_at(path), tmp_path / "exported", ExportOptions(rollout=False))
    assert [graph.name for graph in result.manifest.graphs] == ["depth_encoder", "depth_actor"]
    assert result.max_error < 1e-4


def test_critic_of_another_size_is_told(tmp_path: Path, teacher: Path) -> None:
    broken = load_checkpoint(teacher)
    critic = {key: value[:1] for key, value in broken.model["critic_state_dict"].items()}
    save_checkpoint(tmp_path / "model_1.pt", replace(broken, model={**broken.model, "critic_state_dict": critic}))
    with pytest.raises(CheckpointError, match=r"critic\.mlp\.0\.\w+ has shape"):
        run(tmp_path / "logs", checkpoint=tmp_path / "model_1.pt")


def test_student_with_another_encoder_is_told_which(tmp_path: Path, teacher: Path, student: Path) -> None:
    other = load_checkpoint(student)
    other.model["student_state_dict"].pop(next(iter(other.model["student_state_dict"])))
    policy = {**other.task["policy"], "params": {"depth_encoder": "parkour-lab:depth_strided_gru"}}
    save_checkpoint(tmp_path / "model_1.pt", replace(other, task={**other.task, "policy": policy}))
    with pytest.raises(CheckpointError, match=r"lacks the weights student\.") as error:
        run(tmp_path / "logs", checkpoint=teacher, student=tmp_path / "model_1.pt")
    assert str(error.value.hint).endswith("--set policy.params.depth_encoder=parkour-lab:depth_strided_gru")


def test_two_processes_stay_together(tmp_path: Path, teacher: Path) -> None:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "tests.learning.student_pair", str(tmp_path), str(teacher), NAME,
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    a, b = (torch.load(tmp_path / f"rank{i}.pt", weights_only=True) for i in (0, 1))
    # What is reported is the average of both: they adapt their learning rates alike.
    assert a["loss"] == b["loss"] and a["rate"] == b["rate"]
    assert all(torch.equal(a["student"][key], b["student"][key]) for key in a["student"])
