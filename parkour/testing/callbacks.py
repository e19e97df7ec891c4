"""Checks of callbacks: a training of a few iterations on recorded states, with and without."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from parkour.learning.callbacks import Callbacks, ChosenCallback, Training, TrainingCallback
from parkour.learning.iteration import Iteration
from parkour.learning.options import TrainOptions
from parkour.learning.train import train
from parkour.quiet_logs import errors_alone
from parkour.tasks import load_task
from parkour.testing.replay import ReplayEnv
from parkour.testing.subject import NotChecked, Subject, expect

SMALL = {
    "policy.params.hidden_dims": [16],
    "algorithm.steps_per_env": 4,
    "algorithm.params.mini_batches": 1,
    "algorithm.params.epochs": 1,
}
ITERATIONS, INTERVAL = 3, 2


@dataclass
class _Run:
    """What a training said, and its losses."""

    lines: list[str] = field(default_factory=list)
    losses: list[dict[str, float]] = field(default_factory=list)
    iterations: int = 0

    def on_iteration(self, iteration: Iteration) -> None:
        self.losses.append({key: value for key, value in iteration.scalars.items() if key.startswith("Loss/")})

    def close(self) -> None: ...

    @property
    def faults(self) -> list[str]:
        return [line for line in self.lines if line.startswith("callback ")]


def _train(subject: Subject, callbacks: list[TrainingCallback]) -> _Run:
    task = load_task("go2-teacher", overlay="train", changes=SMALL, registry=subject.registry)
    found = _Run()
    # Our own training has nothing to tell whoever checks a plugin.
    with tempfile.TemporaryDirectory() as folder, errors_alone("parkour"):
        options = TrainOptions(
            num_envs=12, iterations=ITERATIONS, save_interval=INTERVAL, device="cpu", log_root=Path(folder),
            logger="none", progress=False,
        )  # fmt: skip
        result = train(
            task, options, notify=found.lines.append, listeners=[found], callbacks=callbacks,
            make_env=lambda task, num_envs, device, seed: ReplayEnv(task),
        )  # fmt: skip
    found.iterations = result.iterations
    return found


def _with(subject: Subject) -> _Run:
    if "run" not in subject.cache:
        subject.cache["run"] = _train(subject, [ChosenCallback(subject.spec.name, subject.component).make()])
    return subject.cache["run"]


def lives_through_a_training(subject: Subject) -> str:
    """It raises nothing at start, iterations, checkpoints and end of a training."""
    run = _with(subject)
    expect(not run.faults, "; ".join(run.faults))
    return f"{run.iterations} iterations on recorded states"


def lives_through_an_end(subject: Subject) -> str:
    """It raises nothing where an error ends a training before its first iteration."""
    lines: list[str] = []
    task = load_task("go2-teacher", overlay="train", registry=subject.registry)
    with tempfile.TemporaryDirectory() as folder:
        training = Training(task, Path(folder), None, lines.append)  # type: ignore[arg-type] - it never comes to run
        callbacks = Callbacks(training, [("it", ChosenCallback("it", subject.component).make())])
        try:
            with callbacks.told_of_the_end():
                raise RuntimeError("an error")
        except RuntimeError:
            pass
    expect(not lines, "; ".join(lines))
    return "nothing is said"


def leaves_the_training(subject: Subject) -> str:
    """Losses are those of a training without it."""
    mine, without = _with(subject).losses, _train(subject, []).losses
    same = all(a == b for a, b in zip(mine, without, strict=False))
    if not same:
        raise NotChecked(
            "losses differ from those of a training without it: if that is not its purpose, let it draw from a "
            "generator of its own"
        )
    return f"{len(mine)} iterations"


CHECKS = (lives_through_a_training, lives_through_an_end, leaves_the_training)
