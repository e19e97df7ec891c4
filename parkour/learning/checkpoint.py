"""Checkpoints: what a run needs to go on, in one file that is either whole or not there.

A file is written beside its final name, flushed to the disk and then renamed, so that neither a crash nor a full disk
touches the last good one. It holds tensors, numbers and text only and is read with ``weights_only=True``: a checkpoint
from a stranger cannot run code.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from parkour.errors import CheckpointError, StorageError
from parkour.learning.earlier import convert, is_earlier

_SPACE = "free some space or choose another folder with --log-root, then: parkour train --resume"
FORMAT = "parkour-checkpoint"
VERSION = 1


@dataclass(frozen=True)
class TaskStamp:
    """What a checkpoint was trained for, as far as its weights depend on it."""

    name: str
    stage: str
    observations: Mapping[str, tuple[int, ...]]
    """Shape of each observation group, without the environments."""
    layout: Mapping[str, tuple[tuple[str, int], ...]]
    """Names and sizes of the numbers in each group, in order; empty where the environment does not say."""
    actions: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "stage": self.stage,
            "observations": {group: list(shape) for group, shape in self.observations.items()},
            "layout": {group: [[name, size] for name, size in entries] for group, entries in self.layout.items()},
            "actions": self.actions,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskStamp:
        return cls(
            name=data["name"],
            stage=data["stage"],
            observations={group: tuple(shape) for group, shape in data["observations"].items()},
            layout={group: tuple((name, size) for name, size in entries) for group, entries in data["layout"].items()},
            actions=data["actions"],
        )


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a file."""

    iteration: int
    """Iterations trained; the next one to train has this index."""
    stamp: TaskStamp
    task_toml: str
    """The resolved task as text."""
    model: dict[str, Any]
    """State dicts of the networks, by name."""
    optimizers: dict[str, Any] | None
    """State dicts of the optimizers, by name; None in a slim copy."""
    learning_rate: float
    rng: dict[str, Any] | None
    """States of the random number generators; None in a slim copy."""
    env: dict[str, Any] | None
    """State of the environment (levels of the curriculum), where it has one."""
    num_envs: int
    total_steps: int
    """Environment steps of the whole run, over all processes."""
    seconds: float
    """Wall time of the whole run."""
    seed: int
    versions: dict[str, str]

    @property
    def slim(self) -> bool:
        """Whether it lacks what resuming needs."""
        return self.optimizers is None or self.rng is None


def save_checkpoint(path: Path, checkpoint: Checkpoint, hint: str = _SPACE) -> None:
    """Write ``checkpoint`` to ``path``, all of it or nothing.

    Args:
        path: in a folder that exists.
        checkpoint: what to write.
        hint: what to try where that fails.

    Raises:
        StorageError: the folder cannot be written or the disk is full; what was at ``path`` is still there.
    """
    payload: dict[str, Any] = {"format": FORMAT, "format_version": VERSION}
    for item in fields(checkpoint):
        value = getattr(checkpoint, item.name)
        payload[item.name] = value.as_dict() if isinstance(value, TaskStamp) else value
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            torch.save(payload, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        # torch reports a failing stream as a RuntimeError; the cause is the OSError that it hides.
        reason = _os_error(error)
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if reason is None:
            raise
        raise StorageError(
            f"cannot save checkpoint {path}: {reason.strerror or reason}; the checkpoints before it are untouched",
            hint=hint,
        ) from error
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def slim(checkpoint: Checkpoint, *, half: bool = False) -> Checkpoint:
    """A copy without optimizers, generators and environment: enough to evaluate, play and export.

    A student's keeps no teacher. With ``half`` weights are rounded to 16 bits, and are 32 bits again when loaded.
    """
    model = checkpoint.model
    if "student_state_dict" in model:
        model = {name: weights for name, weights in model.items() if name != "teacher_state_dict"}
    if half:
        model = {name: {key: _halved(value) for key, value in weights.items()} for name, weights in model.items()}
    return replace(checkpoint, model=model, optimizers=None, rng=None, env=None)


def _halved(value: Any) -> Any:
    return value.half() if isinstance(value, Tensor) and value.dtype is torch.float32 else value


def load_checkpoint(path: Path, map_location: str | torch.device = "cpu") -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: it is missing, cannot be read, is damaged, or is something else.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise CheckpointError(f"checkpoint {path} {what}, expected a file model_<iteration>.pt", hint="--run DIR")
    try:
        data = torch.load(path, map_location=map_location, weights_only=True)
    except PermissionError:
        raise CheckpointError(f"checkpoint {path} cannot be read: permission denied") from None
    except Exception as error:  # torch raises many types for damaged files, none of them its own
        raise CheckpointError(
            f"checkpoint {path} is damaged or not a checkpoint ({_first_line(error)})",
            hint="use an earlier model_<iteration>.pt of the same run with --checkpoint FILE",
        ) from None
    return _parse(path, data)


def _parse(path: Path, data: Any) -> Checkpoint:
    if is_earlier(data):
        return convert(path, data)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a parkour checkpoint: expected a file that parkour train has written")
    if data.get("format_version") != VERSION:
        got = data.get("format_version")
        raise CheckpointError(f"checkpoint {path} has format version {got}, expected {VERSION}")
    wanted = {item.name for item in fields(Checkpoint)}
    if missing := wanted - data.keys():
        raise CheckpointError(f"checkpoint {path} is incomplete: it lacks {', '.join(sorted(missing))}")
    try:
        stamp = TaskStamp.from_dict(data["stamp"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CheckpointError(f"checkpoint {path} does not say what it was trained for") from None
    values: dict[str, Any] = {name: data[name] for name in wanted} | {"stamp": stamp}
    return Checkpoint(**values)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:120]}" if text else type(error).__name__


def _os_error(error: BaseException) -> OSError | None:
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, OSError):
        seen = seen.__cause__ or seen.__context__
    return seen


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
