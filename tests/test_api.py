"""The face for Python: what its calls return, and what they say to those who call them otherwise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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


def test_groups_of_other_kinds_are_one_clear_error(policy: LoadedPolicy) -> None:
    groups: dict[str, Any] = {name: torch.zeros(3, *shape) for name, shape in policy.shapes.items()}
    wrong: dict[str, Any] = {
        "got observations of type NoneType": None,
        "'height_scan': got ndarray, expected a torch.Tensor": groups | {"height_scan": groups["height_scan"].numpy()},
        "2 of height_scan": groups | {"height_scan": groups["height_scan"][:2]},
    }
    for said, observations in wrong.items():
        with pytest.raises(ParkourError, match=said):
            policy(observations)
    doubles = {name: value.double() for name, value in groups.items()}
    torch.testing.assert_close(policy(doubles), policy(groups))


def test_a_student_is_of_one_number_of_environments_until_it_forgets_them() -> None:
    student = parkour.load_policy("pretrained", "go2-student")
    groups = {name: torch.rand(2, *shape) for name, shape in student.shapes.items()}
    student(groups)
    one = {name: value[:1] for name, value in groups.items()}
    with pytest.raises(ParkourError, match="got observations of 1 environments, where it remembers 2") as caught:
        student(one)
    assert caught.value.hint is not None and "reset" in caught.value.hint
    wrong: dict[str, Any] = {
        "got flags of 1 environments, expected 2": torch.tensor([True]),
        "got torch.float32 of shape": torch.zeros(2),
        "got list": [True, False],
    }
    for said, ended in wrong.items():
        with pytest.raises(ParkourError, match=said):
            student.reset(ended)
    student.reset(torch.tensor([1, 0]))
    student.reset()
    assert student(one).shape == (1, 12)


def endless() -> dict[str, Any]:
    """Tables that contain themselves."""
    tables: dict[str, Any] = {}
    tables["again"] = tables
    return tables


WRONG_CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "a task": (lambda: parkour.load_task(3), "got the task 3, expected its name, its file or its tables"),  # pyright: ignore[reportArgumentType]
    "an overlay": (lambda: parkour.load_task("go2-teacher", overlay=["train"]), "got the overlay"),  # pyright: ignore[reportArgumentType]
    "changes": (lambda: parkour.load_task("go2-teacher", changes=["a=1"]), "got the changes"),  # pyright: ignore[reportArgumentType]
    "a change that is itself within": (
        lambda: parkour.load_task("go2-teacher", changes={"policy.params": endless()}),
        "the changes: got tables or lists nested more than 32 deep",
    ),
    "a task that is itself within": (
        lambda: parkour.load_task(endless()),
        "the task: got tables or lists nested more than 32 deep",
    ),
    "a path of a change": (lambda: parkour.load_task("go2-teacher", changes={1: 2}), "got the changes"),  # pyright: ignore[reportArgumentType]
    "weights": (lambda: parkour.load_policy(None), "the policy: got None, expected a path"),  # pyright: ignore[reportArgumentType]
    "a policy": (lambda: parkour.evaluate(3), "the policy: got 3"),  # pyright: ignore[reportArgumentType]
    "a device": (lambda: parkour.load_policy("pretrained", device="gpu"), "got device 'gpu'"),
    "no device": (lambda: parkour.make_env("go2-teacher", device=3), "got device 3"),  # pyright: ignore[reportArgumentType]
    "a count": (lambda: parkour.evaluate("pretrained", num_envs=1.5), "num_envs: got 1.5"),  # pyright: ignore[reportArgumentType]
    "steps": (lambda: parkour.evaluate("pretrained", steps=0), "steps: got 0"),
    "a seed": (lambda: parkour.train("go2-teacher", seed=1.5), "seed: got 1.5, expected a whole number"),  # pyright: ignore[reportArgumentType]
    "options": (lambda: parkour.train("go2-teacher", options=3), "options: got 3, expected TrainOptions"),  # pyright: ignore[reportArgumentType]
    "a folder": (lambda: parkour.export("pretrained", None), "out: got None, expected a path"),  # pyright: ignore[reportArgumentType]
    "a format": (lambda: parkour.export("pretrained", "x", format=None), "format: got None"),  # pyright: ignore[reportArgumentType]
}


@pytest.mark.parametrize("what", WRONG_CALLS)
def test_what_is_something_else_is_one_clear_error(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call, said = WRONG_CALLS[what]
    with pytest.raises(ParkourError, match=said):
        call()
    assert list(tmp_path.iterdir()) == []


def test_values_may_come_from_numpy_and_torch() -> None:
    changes = {
        "rewards.feet_edge.weight": np.float32(-2.0),
        "course.levels": np.int64(3),
        "course.start_levels": np.array([0, 1]),
        "terrain:flat": torch.tensor(0.5),
    }
    model = parkour.load_task("go2-teacher", changes=changes).model
    assert model.rewards["feet_edge"].weight == -2.0 and model.terrains["flat"].share == 0.5
    assert (model.course.levels, model.course.start_levels) == (3, (0, 1))
    assert parkour.load_policy("pretrained", device=torch.device("cpu")).device.type == "cpu"  # pyright: ignore[reportArgumentType]


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
