"""What a pipeline refuses before anything begins, from Python as from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parkour.errors import ParkourError
from parkour.evaluation.degradations import Degradation
from parkour.pipeline.check import check_settings
from parkour.pipeline.plan import make_stages
from parkour.pipeline.run import run_pipeline
from parkour.pipeline.settings import PipelineSettings
from tests.pipeline.fakes import FAKE


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "go3"}, "unknown task 'go3-teacher'; did you mean 'go2-teacher'"),
        ({"teacher_overlay": "fst"}, "unknown overlay 'fst'"),
        ({"student_overlay": "fast+nothing"}, "unknown overlay 'nothing'"),
        ({"noise": "loud"}, "unknown noise preset 'loud'"),
        ({"noise": ""}, "unknown noise preset ''"),
        ({"noise": "eval"}, "unknown noise preset 'eval'"),
        ({"student_changes": ("rewards.x=1",)}, "unknown reward 'x'"),
        ({"teacher_changes": ("course.levels",)}, "--teacher-set: got 'course.levels', expected path=value"),
        ({"student_changes": ("=3",)}, "--student-set: got '=3', expected path=value"),
        (
            {"student_changes": ("algorithm.params.mirrored_share=0.5", "camera.yaw=0.1")},
            "the image has no mirror image: camera.yaw is 0.1",
        ),
        ({"degradations": ("fog",)}, "unknown degradation 'fog'"),
        ({"gpus": 99}, "got 99 GPUs, but torch sees"),
        ({"seed": -1}, "--seed: got -1, expected at least 0"),
        ({"seed": int("9" * 20)}, "--seed: got 99999999999999999999, expected at most"),
        ({"num_envs": 0}, "--num-envs: got 0, expected at least 1"),
        ({"device": "tpu"}, "got device 'tpu', expected 'cpu', 'cuda' or 'cuda:N'"),
        ({"device": "cuda:99"}, "got device 'cuda:99', but torch sees"),
        ({"eval_steps": int("9" * 14)}, "--eval-steps: got 99999999999999, expected at most"),
    ],
)
def test_bad_settings_are_told_before_anything_begins(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ParkourError) as error:
        run_pipeline(PipelineSettings(**{"name": "go2", "folder": tmp_path / "out", **settings}), FAKE)
    assert message in error.value.message and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"control.action_dely": 2}, "unknown key 'control.action_dely'"),
        ({"observations.lidar.clip": 1.0}, "--degradation slow: the task has no observation group 'lidar'"),
    ],
)
def test_degradation_that_cannot_be_is_told_before_anything_begins(
    changes: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Degradation("slow", "parkour-delays:slow", "all is late", "body", changes)
    monkeypatch.setattr("parkour.evaluation.degradations.find_degradations", lambda names: (slow,))
    settings = PipelineSettings("go2", tmp_path / "out", degradations=("slow",))
    with pytest.raises(ParkourError, match=message):
        run_pipeline(settings, FAKE)
    assert not (tmp_path / "out").exists()
    every = PipelineSettings("go2", tmp_path / "out", degradations=())
    check_settings(every, make_stages(every))
