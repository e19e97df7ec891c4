"""Run folders: ``<log_root>/rsl_rl/<experiment>/<time>_<run-name>/``."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path

from parkour.errors import CheckpointError, ParkourError, StorageError
from parkour.learning.loggers import files_of_loggers
from parkour.learning.options import TrainOptions
from parkour.policies.checkpoint import Checkpoint
from parkour.policies.checkpoint_folder import (
    LARGEST_NUMBER,
    METRICS_FILE,
    OPTIONS_FILE,
    TASK_FILE,
    begin_of,
    checkpoints_of,
    experiment_folders,
    iteration_of,
    newest_checkpoint,
    runs_of,
)
from parkour.policies.fit import begin_with
from parkour.policies.source import PolicySource, find_checkpoint
from parkour.reading import read_bytes
from parkour.storage import cannot_write, remove_parts, write_bytes, write_text

GIVEN_UP = "given_up"
"""Folder of a run with the checkpoints after the one that it went on from."""
_PART = re.compile(r"[\w.-]+")


def experiment_folder(options: TrainOptions, task_name: str) -> Path:
    """Where the runs of an experiment are."""
    return options.log_root / "rsl_rl" / _checked(options.experiment or task_name, "--experiment")


def make_run_folder(options: TrainOptions, task_name: str, now: datetime | None = None) -> Path:
    """A new folder, named by time and run name.

    Raises:
        StorageError: it cannot be made or written.
    """
    stamp = (now or datetime.now()).strftime("%Y-%m-%d_%H-%M-%S")
    name = f"{stamp}_{_checked(options.run_name, '--run-name')}" if options.run_name else stamp
    parent = experiment_folder(options, task_name)
    for attempt in range(1, 100):
        folder = parent / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if folder.is_dir():
                continue
            raise StorageError(f"cannot make the run folder {folder}: a file is in its place") from None
        except OSError as error:
            raise StorageError(
                f"cannot make the run folder {folder}: {error.strerror or error}", hint="--log-root DIR"
            ) from error
        return folder
    raise StorageError(f"cannot make the run folder {parent / name}: a hundred runs began in the same second")


def next_number(options: TrainOptions) -> int:
    """Greater than the number of any run below the log root, unless one has the last number; then it is that too."""
    last = max((begin_of(run)[0] for run in runs_of(experiment_folders(options.log_root))), default=0)
    return min(last + 1, LARGEST_NUMBER)


def resume_source(options: TrainOptions, task_name: str | None) -> Path:
    """The checkpoint that ``--resume`` means, or a new run begins with: the one named, the newest of the run named, or
    the newest of the newest run, of a task if one is named.

    Raises:
        CheckpointError: there is none.
    """
    where = PolicySource(
        checkpoint=options.checkpoint, run=options.run, log_root=options.log_root, experiment=options.experiment
    )
    return find_checkpoint(where, task_name)


def check_resumed(path: Path, checkpoint: Checkpoint, task_name: str) -> None:
    """Whether a checkpoint is of the task whose training goes on, and whole.

    Raises:
        CheckpointError: it is of another, or a slim copy.
    """
    if checkpoint.stamp.name != task_name:
        raise CheckpointError(
            f"checkpoint {path} is of task {checkpoint.stamp.name!r}, expected {task_name!r}",
            hint=f"parkour train {checkpoint.stamp.name} --resume --run {path.parent}",
        )
    if checkpoint.slim:
        begin = f"parkour train {task_name} {begin_with(checkpoint, path)}"
        raise CheckpointError(
            f"checkpoint {path} holds weights alone, without optimizers: no run can resume from it, but a new one can "
            "begin with it",
            hint=begin,
        )


def check_newest(path: Path, options: TrainOptions) -> None:
    """Whether the newest checkpoint of a run is still the one that was read, unless another was asked for.

    Raises:
        StorageError: a process that had the folder until now trained on.
    """
    if options.checkpoint is None and (newest := newest_checkpoint(path.parent)) != path:
        raise StorageError(
            f"run folder {path.parent} was trained on meanwhile, to {newest.name}", hint="parkour train --resume"
        )


def remove_if_unused(folder: Path) -> None:
    """Remove a run folder in which nothing was trained."""
    written = {TASK_FILE, OPTIONS_FILE, METRICS_FILE, *files_of_loggers()}
    with contextlib.suppress(OSError):
        metrics = folder / METRICS_FILE
        if {path.name for path in folder.iterdir()} <= written and not (metrics.exists() and metrics.stat().st_size):
            for name in written:
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()


def remove_leftovers(folder: Path, notify: Callable[[str], None]) -> None:
    """Remove what a killed run had begun to write; call it with the folder's lock held."""
    names = {Path(name).stem for name in (TASK_FILE, OPTIONS_FILE, METRICS_FILE, *files_of_loggers())}
    ours = lambda stem: stem in names or stem.startswith("model_")  # noqa: E731
    if removed := remove_parts(folder, ours):
        notify(f"removed {len(removed)} unfinished file(s) of the run as it was killed")


def set_aside_later(folder: Path, iteration: int, notify: Callable[[str], None]) -> None:
    """Move the checkpoints after ``iteration``, from which the run goes on, out of the way of those to come.

    They are of a past that was given up: the next ``--resume`` would take the newest of them, and lose what has been
    trained since. Nothing is removed; the metrics are kept beside them.

    Raises:
        StorageError: they cannot be moved.
    """
    later = [path for path in checkpoints_of(folder) if iteration_of(path) > iteration]
    if not later:
        return
    names = (GIVEN_UP if attempt == 1 else f"{GIVEN_UP}-{attempt}" for attempt in count(1))
    place = next(folder / name for name in names if not os.path.lexists(folder / name))
    try:
        place.mkdir()
        with contextlib.suppress(FileNotFoundError):
            write_bytes(place / METRICS_FILE, read_bytes(folder / METRICS_FILE), "--log-root")
        for path in later:
            path.rename(place / path.name)
    except OSError as error:
        raise cannot_write(place, "--log-root", error) from error
    notify(f"{len(later)} later checkpoint(s) of before, to {later[-1].name}, are in {place}")


def store_git_state(folder: Path, notify: Callable[[str], None]) -> None:
    """Write commit, status and uncommitted changes of the working folder's repository into ``git.txt``."""
    parts = []
    for title, arguments in (
        ("commit", ["rev-parse", "HEAD"]),
        ("status", ["status", "--short"]),
        ("diff", ["diff", "--no-ext-diff", "--no-textconv", "HEAD"]),
    ):
        try:
            # Files of a repository may be in any encoding, and a stranger's may name programs for git to run.
            done = subprocess.run(
                ["git", "-c", "core.fsmonitor=false", *arguments], capture_output=True, text=True, errors="replace",
                check=True, timeout=60,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
            reason = (said or str(error)).strip().splitlines()[0]
            notify(f"--git-state: git {arguments[0]} failed here ({reason}); not stored")
            return
        parts.append(f"# {title}\n{done.stdout}")
    write_text(folder / "git.txt", "\n".join(parts), "--log-root")


def commit_here() -> str:
    """The commit of the repository that we work in; empty outside of one."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _checked(name: str, option: str) -> str:
    """A name that is one part of a path."""
    if not _PART.fullmatch(name) or name in (".", ".."):
        raise ParkourError(f"{option}: got {name!r}, expected letters, digits, '-', '_' and '.'")
    return name
