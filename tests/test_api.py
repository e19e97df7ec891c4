"""The face for Python: what its calls return, and what they say to those who call them otherwise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import parkour
from parkour.errors import CheckpointError, ParkourError, TaskError
from parkour.policies.loaded import LoadedPolicy
from tests.docs.pages import ROOT, blocks

PYTHON = ROOT / "docs" / "python.md"
SCRIPT = next(block.text for block in blocks(PYTHON) if "load_policy" in block.text)
FEW = {"course.levels": 2, "course.columns": 5}


@pytest.fixture(scope="module")
def policy() -> LoadedPolicy:
    return parkour.load_policy("pretrained", device="cpu")


def test_the_calls_are_found_and_cost_nothing_to_import() -> None:
    names = ("evaluate", "export", "load_policy", "load_task", "make_env", "train")
    assert set(names) <= set(parkour.__all__)
    code = "import parkour, sys; assert not {'torch', 'numpy', 'gymnasium', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    # A submodule of the same name would stand in the way of a call.
    assert all(callable(getattr(parkour, name)) for name in names)


def test_a_policy_knows_its_task_and_acts_as_deployed(policy: LoadedPolicy) -> None:
    assert policy.task.name == "go2-teacher" and "go2-teacher" in repr(policy)
    groups = {name: torch.randn(3, *shape) for name, shape in policy.shapes.items()}
    actions = policy(groups)
    assert actions.shape == (3, 12) and not actions.is_inference() and not actions.requires_grad
    flat = torch.cat([groups[name].flatten(1) for name in policy.shapes], dim=1)
    torch.testing.assert_close(policy(flat), actions, atol=1e-4, rtol=1e-5)
    policy.reset(torch.tensor([True, False, True]))
    policy.reset()


def test_a_student_remembers_until_it_is_told_of_an_end() -> None:
    student = parkour.load_policy("pretrained", "go2-student")
    groups = {name: torch.rand(2, *shape) for name, shape in student.shapes.items()}
    groups["perception"] = torch.ones(2, 1)
    first = student(groups)
    second = student(groups)
    assert not torch.equal(first, second)
    student.reset(torch.tensor([True, False]))
    third = student(groups)
    assert torch.allclose(third[0], first[0], atol=1e-6) and not torch.allclose(third[1], first[1], atol=1e-6)


def test_wrong_observations_are_one_clear_error(policy: LoadedPolicy) -> None:
    groups = {name: torch.zeros(3, *shape) for name, shape in policy.shapes.items()}
    with pytest.raises(ParkourError, match="observation group 'height_scan': got only") as caught:
        policy({name: value for name, value in groups.items() if name != "height_scan"})
    assert caught.value.hint is not None and "policy.task" in caught.value.hint
    with pytest.raises(ParkourError, match=r"'proprioception': got \(3, 52\), expected \(N, 53\)"):
        policy(groups | {"proprioception": torch.zeros(3, 52)})
    with pytest.raises(ParkourError, match=r"got observations of shape \(3, 7\)"):
        policy(torch.zeros(3, 7))


def test_tasks_come_by_name_tables_and_changes() -> None:
    task = parkour.load_task("go2-teacher", overlay="train", changes={"rewards.feet_edge.weight": -2.0})
    assert task.model.rewards["feet_edge"].weight == -2.0
    assert parkour.load_task(task) is task
    with pytest.raises(ParkourError, match="got a resolved task with an overlay or changes"):
        parkour.load_task(task, overlay="eval")
    with pytest.raises(TaskError, match="feet_edge"):
        parkour.load_task("go2-teacher", changes={"rewards.feet_edge.wieght": -2.0})


@pytest.mark.parametrize(
    ("source", "task", "said"),
    [
        ("nowhere.pt", None, "does not exist"),
        ("pretrained", "go2-teachr", "unknown task"),
        ("", None, "holds no checkpoint"),
    ],
)
def test_policies_that_are_not_there_are_one_clear_error(
    source: str, task: str | None, said: str, tmp_path: Any
) -> None:
    with pytest.raises(ParkourError, match=said):
        parkour.load_policy(source if source else tmp_path, task)


def test_a_policy_of_another_control_step_is_refused() -> None:
    with pytest.raises(CheckpointError, match="control step"):
        parkour.load_policy("pretrained", changes={"timing.decimation": 8})
    assert parkour.load_policy("pretrained", changes={"timing.decimation": 8}, allow_mismatch=True)


def test_formats_are_checked_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ParkourError, match="unknown export_target 'tflite'"):
        parkour.export("nowhere.pt", tmp_path, format="tflite")


def test_the_script_is_ten_lines_and_the_readme_has_the_same() -> None:
    lines = [line for line in SCRIPT.splitlines() if line]
    assert len(lines) <= 10
    assert SCRIPT in [block.text for block in blocks(ROOT / "README.md")]


@pytest.mark.mujoco
@pytest.mark.slow
def test_the_script_runs_as_it_stands(tmp_path: Path) -> None:
    pytest.importorskip("mjlab")
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    succeeded, ended = (int(word) for word in done.stdout.split() if word.isdigit())
    assert ended >= 6 and succeeded >= ended - 2


@pytest.mark.mujoco
@pytest.mark.slow
def test_the_page_s_other_scripts_run(tmp_path: Path) -> None:
    """All in one process, which imports once."""
    pytest.importorskip("mjlab")
    others = [block.text for block in blocks(PYTHON) if block.language == "python" and block.text != SCRIPT]
    assert len(others) >= 3
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(others)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("success ") and (tmp_path / "exported" / "deploy.toml").is_file()
    assert list(tmp_path.glob("runs/rsl_rl/go2-teacher/*/model_1.pt"))
