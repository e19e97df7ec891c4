"""Run folders: ``<log_root>/rsl_rl/<experiment>/<time>_<run-name>/``."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

import tomli_w

from parkour.errors import CheckpointError, ParkourError, StorageError
from parkour.learning.options import TrainOptions
from parkour.policies.checkpoint import Checkpoint
from parkour.policies.checkpoint_folder import TASK_FILE
from parkour.policies.fit import begin_with
from parkour.policies.source import PolicySource, find_checkpoint
from parkour.storage import write_text

CHOICES_FILE = "options.toml"
_PART = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Choices:
    """What a run was made with besides its task, as the run folder's ``options.toml`` keeps it."""

    engine: str
    """Canonical id."""
    device: str
    num_envs: int
    """Of each process."""
    seed: int
    engine_options: Mapping[str, str] = field(default_factory=dict)
    """Options of the engine's own that were given."""

    def going_on_from(self, before: Choices | None) -> Choices:
        """With the engine's options of the run that goes on, if engine and kind of device are the same."""
        if before is None or (before.engine, _kind(before.device)) != (self.engine, _kind(self.device)):
            return self
        return replace(self, engine_options=before.engine_options)


def _kind(device: str) -> str:
    return device.partition(":")[0]


def write_choices(folder: Path, choices: Choices) -> None:
    """Write ``options.toml``.

    Raises:
        StorageError: it cannot be written.
    """
    write_text(folder / CHOICES_FILE, tomli_w.dumps(asdict(choices)), "--log-root")


def read_choices(folder: Path) -> Choices | None:
    """What ``options.toml`` says; None in folders without one.

    Raises:
        StorageError: it is damaged.
    """
    path = folder / CHOICES_FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        chosen = {str(name): str(value) for name, value in dict(data.get("engine_options", {})).items()}
        return Choices(str(data["engine"]), str(data["device"]), int(data["num_envs"]), int(data["seed"]), chosen)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"cannot read {path}: {error}", hint="remove it; the run resumes without it") from None


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


def remove_if_unused(folder: Path) -> None:
    """Remove a run folder in which nothing was trained."""
    written = {TASK_FILE, CHOICES_FILE}
    with contextlib.suppress(OSError):
        if {path.name for path in folder.iterdir()} <= written:
            for name in written:
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()


def store_git_state(folder: Path, notify: Callable[[str], None]) -> None:
    """Write commit, status and uncommitted changes of the working folder's repository into ``git.txt``."""
    parts = []
    for title, arguments in (
        ("commit", ["rev-parse", "HEAD"]),
        ("status", ["status", "--short"]),
        ("diff", ["diff", "HEAD"]),
    ):
        try:
            done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "stderr", "") or str(error)
            notify(f"--git-state: git {arguments[0]} failed here ({reason.strip().splitlines()[0]}); not stored")
            return
        parts.append(f"# {title}\n{done.stdout}")
    write_text(folder / "git.txt", "\n".join(parts), "--log-root")


def _checked(name: str, option: str) -> str:
    """A name that is one part of a path."""
    if not _PART.fullmatch(name) or name in (".", ".."):
        raise ParkourError(f"{option}: got {name!r}, expected letters, digits, '-', '_' and '.'")
    return name
