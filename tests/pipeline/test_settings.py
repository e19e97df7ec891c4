"""What a pipeline may be asked for, and the overlays that it trains under."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from parkour.errors import ParkourError
from parkour.pipeline.settings import Gates, PipelineSettings
from parkour.tasks import load_task


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minutes": 0.0}, "--minutes: got 0, expected more than 0"),
        ({"minutes": float("nan")}, "--minutes: got nan"),
        ({"minutes": 1e7}, "--minutes: got 1e\\+07, expected at most 1,000,000"),
        ({"teacher_share": 1.0}, "--teacher-share: got 1, expected less than 1"),
        ({"gpus": 0}, "--gpus: got 0, expected at least 1"),
        ({"episodes": 0}, "--episodes: got 0"),
        ({"folder": "a\0b"}, "folder: got 'a.x00b', expected a path"),
        ({"folder": "a\udcff"}, "folder: got 'a.udcff', expected a name in UTF-8"),
        ({"minutes": "5"}, "--minutes: got '5', expected a number"),
        ({"minutes": True}, "--minutes: got True, expected a number"),
        ({"minutes": 10**400}, "--minutes: got a number of more than 300 digits"),
        ({"first_share": None}, "--first-share: got None, expected a number"),
        ({"num_envs": 2.5}, "--num-envs: got 2.5, expected a whole number"),
        ({"seed": "x"}, "--seed: got 'x', expected a whole number"),
        ({"seed": -1}, "--seed: got -1, expected at least 0"),
        ({"gates": {"teacher": 0.5}}, "gates: got .*, expected Gates"),
        ({"teacher_changes": "course.levels=4"}, "teacher_changes: got 'course.levels=4', expected a list of texts"),
        ({"student_changes": (3,)}, r"student_changes: got \(3,\), expected a list of texts"),
        ({"degradations": 5}, "degradations: got 5, expected a list of texts"),
        ({"noise": 3}, "noise: got 3, expected str"),
        ({"body": "yes"}, "body: got 'yes', expected bool"),
        ({"device": 0}, "device: got 0, expected str"),
        ({"teacher_overlay": 3}, "teacher_overlay: got 3, expected str"),
    ],
)
def test_what_cannot_be_is_told_at_once(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParkourError, match=message):
        PipelineSettings("go2", **changes)


@pytest.mark.parametrize("text", ["teacher", "teacher=", "teacher=2", "teacher=nan", "student=0.5", "=1"])
def test_bad_gates_are_told(text: str) -> None:
    with pytest.raises(ParkourError, match=r"--gate: got "):
        Gates.read([text])


@pytest.mark.parametrize("rate", [2, -0.1, float("nan"), "0.5", None, True])
def test_gates_from_python_are_rates(rate: Any) -> None:
    with pytest.raises(ParkourError, match=r"^--gate sim2sim: got "):
        Gates(sim2sim=rate)


def test_settings_from_python_become_plain_values() -> None:
    settings = PipelineSettings("go2", minutes=np.float32(2), gpus=np.int64(1), degradations=["pushes"])  # type: ignore[arg-type]
    assert json.loads(json.dumps(settings.as_dict()))["minutes"] == 2.0
    assert settings.degradations == ("pushes",)


def test_gates_are_read() -> None:
    assert Gates.read(["noisy=0.5", "clean=1"]) == Gates(noisy=0.5, clean=1.0)


def test_what_is_asked_for_wins_over_what_goes_with_the_body() -> None:
    asked = PipelineSettings("go2", body=True, teacher_overlay="robust", first_overlay="")
    assert asked.overlays == ("", "robust", "fast+compact+pipeline+robust") and asked.first_minutes == 0.0
    assert PipelineSettings("go2", student_overlay="fast").overlays == ("", "pipeline", "fast")


def test_without_the_body_the_camera_alone_is_randomized() -> None:
    overlays = PipelineSettings("go2").overlays
    teacher_task = load_task("go2-teacher", overlay=f"train+{overlays.teacher}")
    student_task = load_task("go2-student", overlay=f"train+{overlays.student}")
    student = student_task.model
    all_of_it = load_task("go2-student", overlay=f"train+{PipelineSettings('go2', body=True).overlays.student}").model
    assert student.observations == all_of_it.observations
    for name in ("friction", "added_mass", "push"):
        assert student_task.events[name].kwargs == teacher_task.events[name].kwargs
    assert not any(student.events[name].enabled for name in ("motor_strength", "gain_scale"))
    assert student.control == teacher_task.model.control != all_of_it.control
    camera = {name for name in student.events if name.startswith("camera_")}
    assert len(camera) == 4 and all(student.events[name] == all_of_it.events[name] for name in camera)
    # Robots that are past their way point begin anew; not so where students are scored.
    assert student.terminations["way_point_behind"].enabled
    assert not load_task("go2-student", overlay="eval").model.terminations["way_point_behind"].enabled


def test_the_overlays_of_the_body_are_there() -> None:
    overlays = PipelineSettings("go2", body=True).overlays
    first = load_task("go2-teacher", overlay=f"train+{overlays.first}").model
    second = load_task("go2-teacher", overlay=f"train+{overlays.teacher}").model
    assert "motor_strength" not in first.events and second.events["motor_strength"].enabled
    assert second.events["friction"].params["range"] == [0.3, 2.0]
    assert tuple(second.course.start_levels) == (0, 9)
