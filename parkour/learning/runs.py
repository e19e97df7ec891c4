"""The runs below a log root: what each has trained, and how well."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkour.errors import StorageError
from parkour.learning.retention import Record, read_record
from parkour.learning.run_lock import in_use
from parkour.learning.run_options import RunOptions, read_run_options
from parkour.policies.checkpoint_folder import (
    METRICS_FILE,
    checkpoints_of,
    experiment_folders,
    iteration_of,
    runs_of,
    task_name_of,
)
from parkour.reading import check_file, read_row


@dataclass(frozen=True)
class Run:
    """A run folder, as it is now."""

    path: Path
    task: str | None
    iteration: int | None
    """Of the newest checkpoint; None if there is none."""
    iterations: int | None
    """Wanted in all, where the folder says so."""
    success: float | None
    """Share of all episodes in the last iteration's metrics."""
    best: Record | None
    size: int
    """Of all files, bytes."""
    commit: str
    began: str
    training: bool
    """Whether a process works in it."""

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        best = None if self.best is None else {"iteration": self.best.iteration, "success": self.best.success}
        return {
            "path": str(self.path), "task": self.task, "iteration": self.iteration, "iterations": self.iterations,
            "success": self.success, "best": best, "size": self.size, "commit": self.commit, "began": self.began,
            "training": self.training,
        }  # fmt: skip


def find_runs(log_root: Path, experiment: str | None = None) -> list[Run]:
    """All runs, the newest last."""
    return [read_run(path) for path in runs_of(experiment_folders(log_root, experiment))]


def read_run(path: Path) -> Run:
    """What a run folder says of itself; what is damaged in it is left out."""
    try:
        run_options = read_run_options(path)
    except StorageError:
        run_options = None
    run_options = run_options or RunOptions("", "", 0, 0)
    found = checkpoints_of(path)
    success = last_metrics(path).get("Episode/success")
    return Run(
        path=path,
        task=task_name_of(path),
        iteration=iteration_of(found[-1]) if found else None,
        iterations=run_options.iterations or None,
        success=success if isinstance(success, (int, float)) and math.isfinite(success) else None,
        best=read_record(path),
        size=sum(file.lstat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink()),
        commit=run_options.commit,
        began=run_options.began,
        training=in_use(path),
    )


def last_metrics(run: Path, tail: int = 1 << 16, until: int | None = None) -> dict[str, Any]:
    """The last whole line of a run's ``metrics.jsonl``; empty when there is none.

    Args:
        run: the run folder.
        tail: bytes of the file's end that are searched.
        until: the last iteration that counts; all when None.
    """
    try:
        check_file(run / METRICS_FILE)
        with (run / METRICS_FILE).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - tail, 0))
            lines = file.read().splitlines()
    except OSError:
        return {}
    for line in reversed(lines):
        found = read_row(line)
        if found is not None and (until is None or _iteration(found) <= until):
            return found
    return {}


def _iteration(row: Mapping[str, Any]) -> float:
    """Of a line; beyond all where it does not say."""
    iteration = row.get("iteration")
    return iteration if isinstance(iteration, (int, float)) else math.inf
