"""Where checkpoints are: ``<log root>/rsl_rl/<experiment>/<time>_<run-name>/model_<iteration>.pt``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from parkour.errors import CheckpointError
from parkour.reading import MalformedError, read_bytes, read_row, read_toml

TASK_FILE = "task.toml"
"""What a run folder says of its task."""
OPTIONS_FILE = "options.toml"
"""What a run folder says of how it was made."""
METRICS_FILE = "metrics.jsonl"
"""What a run folder says of its training: a JSON object for each iteration."""
LARGEST_NUMBER = 10**9
"""Of runs, iterations and the like; what a stranger's folder says beyond it is not taken."""
BEST_FILE = "model_best.pt"
"""The checkpoint of a run that was best in training, slim."""
_NAME = re.compile(r"model_(\d+)\.pt")
_STAMPED = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_(?P<name>.+)")


@dataclass(frozen=True)
class NewestRuns:
    """What a search for runs found."""

    saved: Path | None
    """The newest one with a checkpoint."""
    unsaved: Path | None
    """The newest one, if it was begun after :attr:`saved` and has no checkpoint yet."""


def checkpoint_path(run: Path, iteration: int) -> Path:
    """``model_<iteration>.pt`` of a run folder."""
    return run / f"model_{iteration}.pt"


def iteration_of(checkpoint: Path) -> int:
    """The iteration in the name of a checkpoint in a run folder.

    Raises:
        ValueError: it has another name.
    """
    match = _NAME.fullmatch(checkpoint.name)
    if match is None:
        raise ValueError(f"{checkpoint.name} is not model_<iteration>.pt")
    return int(match[1])


def checkpoints_of(run: Path) -> list[Path]:
    """The checkpoints of a run folder, the newest last."""
    found = [(int(match[1]), path) for path in _children(run) if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def newest_checkpoint(run: Path) -> Path:
    """The last checkpoint of a run folder.

    Raises:
        CheckpointError: the folder does not exist, or holds none.
    """
    if not run.is_dir():
        raise CheckpointError(f"run folder {run} does not exist")
    found = checkpoints_of(run)
    if not found:
        raise CheckpointError(f"run folder {run} holds no checkpoint (model_<iteration>.pt)")
    return found[-1]


def named_checkpoint(run: Path, name: str) -> Path:
    """The checkpoint of a run folder that ``model_500.pt`` or ``500`` means; the newest for ``-1``, or ``best``.

    Raises:
        CheckpointError: the folder has no such one.
    """
    if name == "-1":
        return newest_checkpoint(run)
    path = run / (name if name.endswith(".pt") else f"model_{name}.pt")
    if not path.is_file():
        found = [path.name for path in checkpoints_of(run)]
        holds = " to ".join(dict.fromkeys((found[0], found[-1]))) if found else "no checkpoint"
        raise CheckpointError(
            f"run folder {run} holds no {path.name}; it holds {holds}", hint=f"--run {run}, for the newest"
        )
    return path


def is_checkpoint_name(path: Path) -> bool:
    """Whether this may be the name of a checkpoint in a run folder rather than a file's path."""
    name = path.name
    return len(path.parts) == 1 and (name in ("-1", "best", BEST_FILE) or bool(_NAME.fullmatch(name)) or name.isdigit())


def experiment_folders(log_root: Path, experiment: str | None = None) -> list[Path]:
    """The folders whose runs are looked through: that of the experiment, or of all.

    ``log_root`` may also be ``rsl_rl`` itself, or the folder of an experiment.
    """
    base = log_root / "rsl_rl"
    base = base if base.is_dir() or not log_root.is_dir() else log_root
    is_experiment = base == log_root and any(checkpoints_of(folder) for folder in _folders(log_root))
    if is_experiment and experiment in (None, log_root.resolve().name):
        return [log_root]
    return [base / experiment] if experiment is not None else _folders(base)


def find_run(folders: Sequence[Path], task_name: str | None = None) -> Path | None:
    """The newest run with a checkpoint among experiment folders, of a task if one is named."""
    return newest_runs(folders, task_name).saved


def newest_runs(folders: Sequence[Path], task_name: str | None = None) -> NewestRuns:
    """The newest runs among experiment folders, of a task if one is named, in one search."""
    unsaved = None
    for run in reversed(runs_of(folders)):
        saved = bool(checkpoints_of(run))
        # The name may cost a checkpoint to read: not asked where any run with a checkpoint will do.
        name = task_name_of(run) if not saved or task_name is not None else None
        if saved and name == task_name:
            return NewestRuns(run, unsaved)
        if not saved and name is not None and task_name in (None, name):
            unsaved = unsaved or run
    return NewestRuns(None, unsaved)


def runs_of(folders: Sequence[Path]) -> list[Path]:
    """All run folders of experiment folders, the newest last: in the order in which they say that they were begun.

    Neither the times of files nor those in the names of folders matter where a run says it: clocks are set back, and
    files copied.
    """
    return sorted((run for folder in folders for run in _folders(folder)), key=lambda run: (*begin_of(run), run.name))


def runs_named(folders: Sequence[Path], name: str) -> list[Path]:
    """Run folders that ``--run-name`` gave this name, the newest last; the time in front of it is not asked for."""
    return [run for run in runs_of(folders) if (parts := _STAMPED.fullmatch(run.name)) and parts["name"] == name]


def begin_of(run: Path) -> tuple[int, str]:
    """A run's number, which is greater than those of the runs before it, and when it began; nothing in old folders."""
    try:
        data = read_toml(run / OPTIONS_FILE)
        number = int(data.get("number", 0))
        return (number if 0 <= number <= LARGEST_NUMBER else 0), str(data.get("began", ""))
    except (OSError, ValueError, TypeError, OverflowError):
        return 0, ""


def task_name_of(run: Path) -> str | None:
    """The name of the task that a run trains, as its folder or its newest checkpoint says; None if neither does."""
    try:
        return str(read_toml(run / TASK_FILE)["name"])
    except (OSError, MalformedError, KeyError):
        pass
    from parkour.policies.checkpoint_file import load_checkpoint

    try:
        return load_checkpoint(newest_checkpoint(run)).stamp.name
    except CheckpointError:
        return None


def completed_courses(run: Path) -> bool | None:
    """Whether any episode of a run's training completed its course; None in folders without metrics."""
    try:
        lines = read_bytes(run / METRICS_FILE).splitlines()
    except OSError:
        return None
    # From the end: a run that has learnt something says so there, and others are short.
    return any(_success(line) > 0.0 for line in reversed(lines))


def _success(line: bytes) -> float:
    """The part of an iteration's episodes that succeeded; 0 where none ended, or the row was cut off."""
    success = (read_row(line) or {}).get("Episode/success")
    return float(success) if isinstance(success, int | float) else 0.0


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in _children(parent) if path.is_dir())


def _children(folder: Path) -> Iterable[Path]:
    return folder.iterdir() if folder.is_dir() else ()
