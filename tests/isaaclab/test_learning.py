"""Training through the same call as on every engine: the stock wrapper, our runner, both stages."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from parkour.learning.options import TrainOptions
from parkour.learning.runner import Iteration
from parkour.learning.train import train
from parkour.policies.source import pretrained_checkpoint
from parkour.tasks import load_task
from parkour_cli.changes import read_changes

pytestmark = [pytest.mark.isaaclab, pytest.mark.slow]

SMALL = ["course.levels=2", "algorithm.steps_per_env=10"]


class Recorder:
    """Keeps the curves of every iteration."""

    def __init__(self) -> None:
        self.scalars: list[dict[str, float]] = []

    def on_iteration(self, iteration: Iteration) -> None:
        self.scalars.append(dict(iteration.scalars))

    def close(self) -> None:
        pass


def _options(folder: Path, **choices: Any) -> TrainOptions:
    return TrainOptions(engine="isaaclab", device="cpu", num_envs=8, seed=3, log_root=folder, progress=False, **choices)


def test_a_teacher_takes_two_updates_and_goes_on(tmp_path: Path) -> None:
    task, recorder = load_task("go2-teacher", overlay="train", changes=read_changes(SMALL)), Recorder()
    result = train(task, _options(tmp_path, iterations=2), listeners=[recorder])
    assert len(recorder.scalars) == 2
    _check(recorder)
    again = train(task, _options(tmp_path, iterations=3, resume=True, run=result.run), listeners=[recorder])
    assert again.run == result.run
    assert len(recorder.scalars) == 3


def test_a_student_with_depth_takes_an_update(tmp_path: Path) -> None:
    task, recorder = load_task("go2-student", overlay="train", changes=read_changes(SMALL)), Recorder()
    teacher = pretrained_checkpoint("teacher")
    result = train(task, _options(tmp_path, iterations=1, checkpoint=teacher), listeners=[recorder])
    assert len(recorder.scalars) == 1
    _check(recorder)
    assert result.checkpoint.is_file()


def _check(recorder: Recorder) -> None:
    """Losses are there and finite."""
    for scalars in recorder.scalars:
        losses = {name: value for name, value in scalars.items() if name.startswith("Loss/")}
        assert losses
        assert all(math.isfinite(value) for value in losses.values()), losses
