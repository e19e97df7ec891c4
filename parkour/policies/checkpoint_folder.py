"""Checkpoints in run folders: ``model_<iteration>.pt``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from parkour.errors import CheckpointError

_NAME = re.compile(r"model_(\d+)\.pt")


def checkpoint_path(run: Path, iteration: int) -> Path:
    """``model_<iteration>.pt`` of a run folder."""
    return run / f"model_{iteration}.pt"


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


def newest_run(experiment: Path) -> Path:
    """The newest run of an experiment folder that has a checkpoint; folders are named by their time.

    Raises:
        CheckpointError: there is none.
    """
    runs = [path for path in _children(experiment) if path.is_dir() and checkpoints_of(path)]
    if not runs:
        raise CheckpointError(f"no run with a checkpoint in {experiment}", hint="--run DIR or --checkpoint FILE")
    return max(runs, key=lambda path: path.name)


def _children(folder: Path) -> Iterable[Path]:
    return folder.iterdir() if folder.is_dir() else ()
