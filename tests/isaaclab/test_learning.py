"""Training through the same call as on every engine: the stock wrapper, our runner, both stages."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from parkour.learning.iteration import Iteration
from parkour.learning.options import TrainOptions
from parkour.learning.run_options import read_run_options
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


@pytest.fixture
def options(tmp_path: Path, physics: str) -> Callable[..., TrainOptions]:
    fixed = {"engine": "isaaclab", "engine_options": {"physics": physics}, "device": "cpu", "num_envs": 8, "seed": 3}
    return lambda **choices: TrainOptions(log_root=tmp_path, progress=False, **{**fixed, **choices})


@pytest.mark.parametrize("stage", ["teacher", "student"])
def test_a_policy_takes_two_updates_and_goes_on(stage: str, options: Callable[..., TrainOptions]) -> None:
    task, recorder = load_task(f"go2-{stage}", overlay="train", changes=read_changes(SMALL)), Recorder()
    start = {"checkpoint": pretrained_checkpoint("teacher")} if stage == "student" else {}
    result = train(task, options(iterations=2, **start), listeners=[recorder])
    assert len(recorder.scalars) == 2
    # Nothing is said of the backend: it is the run's.
    again = train(task, options(iterations=3, engine_options={}, resume=True, run=result.run), listeners=[recorder])
    assert again.run == result.run
    assert len(recorder.scalars) == 3
    written = read_run_options(result.run)
    assert written is not None and written.engine_options == options().engine_options
    _check(recorder)


def _check(recorder: Recorder) -> None:
    """Losses are there and finite."""
    for scalars in recorder.scalars:
        losses = {name: value for name, value in scalars.items() if name.startswith("Loss/")}
        assert losses
        assert all(math.isfinite(value) for value in losses.values()), losses
