"""A training run on the fake environment, in one call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from parkour.learning.iteration import Iteration
from parkour.learning.options import RunResult, TrainOptions
from parkour.learning.train import train
from tests.learning.fakes import fake_task, make_env


class Recorder:
    """Keeps every iteration."""

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
