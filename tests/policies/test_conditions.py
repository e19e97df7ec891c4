"""Weights under other conditions than those they were trained under: refused, warned of, or no matter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parkour.errors import CheckpointError
from parkour.policies.checkpoint_file import load_checkpoint, save_checkpoint
from parkour.policies.conditions import Conditions, conditions_in, conditions_of
from parkour.policies.deployed import load_actor
from parkour.policies.source import Weights, pretrained_checkpoint, weights_at
from parkour.policies.task import task_of
from parkour.tasks import load_task, task_tables


@pytest.fixture(scope="module")
def teacher() -> Weights:
    return weights_at(pretrained_checkpoint("teacher"))


@pytest.fixture(scope="module")
def student() -> Weights:
    return weights_at(pretrained_checkpoint("student"))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "parkour.policies.conditions"]


@pytest.mark.parametrize("overlay", [None, "eval", "play"])
def test_a_policy_in_its_own_task_is_no_matter(
    teacher: Weights, student: Weights, caplog: pytest.LogCaptureFixture, overlay: str | None
) -> None:
    for weights in (teacher, student):
        load_actor(weights, task_of(weights, overlay))
    assert lines(caplog) == []


def test_another_delay_is_one_line(teacher: Weights, caplog: pytest.LogCaptureFixture) -> None:
    """The pretrained teacher was trained with delays of 0 to 2 control steps."""
    load_actor(teacher, load_task("go2-teacher", overlay="eval"))
    assert lines(caplog) == []
    load_actor(teacher, task_of(teacher, "eval", {"control.action_delay": 3}))
    assert lines(caplog) == ["model_2974.pt was trained under action delay 0 to 2, the task has 3"]
    caplog.clear()
    load_actor(teacher, task_of(teacher, "eval", {"control.action_delay": [0, 3]}))
    assert lines(caplog) == ["model_2974.pt was trained under action delay 0 to 2, the task has 0 to 3"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"timing.decimation": 8}, "control step 0.02, the task has 0.04"),
        ({"timing.physics_step": 0.004}, "control step 0.02, the task has 0.016"),
        ({"control.action_scale": 0.5}, "action scale 0.25, the task has 0.5"),
        ({"control.action_clip": 1.2}, "action clip 4.8, the task has 1.2"),
        ({"observations.proprioception.params.joint_vel_scale": 0.1}, "proprioception.joint_vel_scale 0.05, the task"),
        ({"observations.height_scan.clip": 1.0}, "height_scan.clip 100.0, the task has 1.0"),
    ],
)
def test_another_meaning_is_refused_unless_it_is_meant(
    teacher: Weights, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], told: str
) -> None:
    task = task_of(teacher, "eval", changes)
    with pytest.raises(CheckpointError) as caught:
        load_actor(teacher, task)
    assert told in caught.value.message and "\n" not in caught.value.message
    assert caught.value.hint is not None and "--allow-mismatch" in caught.value.hint
    assert lines(caplog) == []
    load_actor(teacher, task, allow_mismatch=True)
    (line,) = lines(caplog)
    assert told in line


def test_what_a_robustness_test_changes_is_one_line(student: Weights, caplog: pytest.LogCaptureFixture) -> None:
    changes = {
        "observations.depth.params.latency": 3,
        "timing.perception_period": 10,
        "timing.physics_step": 0.0025,
        "timing.decimation": 8,
        "observations.depth.modifiers.blind_zone.enabled": True,
    }
    quiet = replace(conditions_of(task_of(student)), noise={})
    stamp = replace(student.checkpoint.stamp, conditions=quiet)
    weights = replace(student, checkpoint=replace(student.checkpoint, stamp=stamp))
    load_actor(weights, task_of(student, "eval", changes))
    (line,) = lines(caplog)
    for part in (
        "physics step 0.005",
        "perception period 5",
        "depth.latency 0 to 2, the task has 3",
        "noise of depth none",
    ):
        assert part in line


def test_draws_that_cover_are_no_matter(caplog: pytest.LogCaptureFixture, student: Weights) -> None:
    trained = conditions_of(task_of(student, None, {"control.action_delay": [0, 2]}))
    stamp = replace(student.checkpoint.stamp, conditions=trained)
    weights = replace(student, checkpoint=replace(student.checkpoint, stamp=stamp))
    load_actor(weights, task_of(student, "eval"))
    assert lines(caplog) == []


def test_another_robot_is_refused(teacher: Weights) -> None:
    task = task_of(teacher, "eval")
    other = replace(task.robot, joints=(*task.robot.joints[1:], task.robot.joints[0]))
    with pytest.raises(CheckpointError, match=r"robot parkour-lab:go2 .*, the task has parkour-lab:go2"):
        load_actor(teacher, replace(task, robot=other))
    # One of before conditions were stamped; its task says which robot.
    stamp = replace(teacher.checkpoint.stamp, conditions=None)
    weights = replace(teacher, checkpoint=replace(teacher.checkpoint, stamp=stamp))
    with pytest.raises(CheckpointError, match="robot go2, the task has other:go1"):
        load_actor(weights, replace(task, robot_id="other:go1"))


def test_another_version_of_the_robot_is_a_line(teacher: Weights, caplog: pytest.LogCaptureFixture) -> None:
    task = task_of(teacher)
    conditions = replace(conditions_of(task), robot_model="0")
    weights = replace(
        teacher, checkpoint=replace(teacher.checkpoint, stamp=replace(teacher.checkpoint.stamp, conditions=conditions))
    )
    load_actor(weights, task)
    assert "robot parkour-lab:go2 of version 0, the task has 1" in caplog.text


def test_they_are_stored_and_read_back(teacher: Weights, tmp_path: Path) -> None:
    conditions = conditions_of(task_of(teacher))
    assert Conditions.from_dict(conditions.as_dict()) == conditions
    stamp = replace(teacher.checkpoint.stamp, conditions=conditions)
    save_checkpoint(tmp_path / "model_1.pt", replace(teacher.checkpoint, stamp=stamp))
    assert load_checkpoint(tmp_path / "model_1.pt").stamp == stamp


@pytest.mark.parametrize("name", ["go2-teacher", "go2-student"])
def test_a_checkpoint_of_before_says_them_in_its_task(name: str) -> None:
    task = load_task(name, overlay="train")
    stated, read = conditions_of(task), conditions_in(task_tables(task))
    same = replace(read, robot=stated.robot, robot_version=stated.robot_version, joints=stated.joints,
                   default_joint_pos=stated.default_joint_pos, robot_model=stated.robot_model)  # fmt: skip
    assert same == stated
