"""Checks of loggers: a run of a few iterations, written down and gone on with."""

from __future__ import annotations

import tempfile
from pathlib import Path

from parkour.errors import ParkourError
from parkour.learning.iteration import Iteration
from parkour.learning.loggers import LoggerContext, load_logger
from parkour.policies.checkpoint_folder import METRICS_FILE
from parkour.specs import LoggerSpec
from parkour.testing.subject import NotChecked, Subject, expect

TOTAL = 3
"""Iterations."""


def _iteration(index: int) -> Iteration:
    scalars = {"Train/mean_reward": 1.0 * index, "Loss/value": float("nan"), "Curriculum/level/gap": 0.5}
    return Iteration(index, TOTAL, scalars, 192, 192 * index, 0.5, 0.5 * index)


def _write(subject: Subject, run: Path, start: int = 0) -> None:
    assert isinstance(subject.spec, LoggerSpec)
    if subject.spec.online:
        raise NotChecked("it talks to a server")
    context = LoggerContext(run, "go2-teacher", {"name": "go2-teacher", "timing": {"decimation": 4}}, start)
    try:
        made = load_logger(subject.registered).target(context)
    except ParkourError as error:
        raise NotChecked(f"it cannot be made here: {error.message}") from None
    try:
        for index in range(start + 1, TOTAL + 1):
            made.on_iteration(_iteration(index))
    finally:
        made.close()


def writes_a_run_down(subject: Subject) -> str:
    """It takes iterations whose numbers need not be finite, and is closed."""
    with tempfile.TemporaryDirectory() as folder:
        _write(subject, Path(folder))
        left = sorted(path.name for path in Path(folder).iterdir())
    return f"{TOTAL} iterations; in the run folder: {', '.join(left) or 'nothing'}"


def goes_on(subject: Subject) -> str:
    """It writes on where a run resumes from an earlier iteration."""
    with tempfile.TemporaryDirectory() as folder:
        _write(subject, Path(folder))
        _write(subject, Path(folder), start=1)
    return f"after iteration 1 of {TOTAL}"


def leaves_the_run_alone(subject: Subject) -> str:
    """It changes nothing that training wrote."""
    with tempfile.TemporaryDirectory() as folder:
        ours = {Path(folder) / name: name.encode() for name in (METRICS_FILE, "task.toml", "model_2.pt")}
        for path, content in ours.items():
            path.write_bytes(content)
        _write(subject, Path(folder), start=2)
        changed = [path.name for path, content in ours.items() if not path.exists() or path.read_bytes() != content]
    expect(not changed, f"it changed or removed {', '.join(changed)}")
    return ", ".join(path.name for path in ours)


CHECKS = (writes_a_run_down, goes_on, leaves_the_run_alone)
