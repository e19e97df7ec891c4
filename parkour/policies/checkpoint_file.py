"""Checkpoint files: each is either whole or not there.

A file is written beside its final name, flushed to the disk and then renamed (:mod:`parkour.storage`). It holds
tensors, numbers and text only and is read with ``weights_only=True``: a checkpoint from a stranger cannot run code. A
checksum of them is inside: torch does not look at the archive's own, and a flipped bit would be another weight.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from parkour.digest import content_sha256
from parkour.errors import CheckpointError, StorageError, TaskError
from parkour.policies.checkpoint import Checkpoint, TaskStamp
from parkour.policies.checkpoint_check import check_archive, check_bounds, check_fields
from parkour.policies.legacy_checkpoint import convert, is_legacy
from parkour.reading import MalformedError, parse_toml, read_bytes
from parkour.storage import discard, part_of, put_in_place

_SPACE = "free some space or choose another folder with --log-root, then: parkour train --resume"
EARLIER = "use an earlier model_<iteration>.pt of the same run, which is the newest once this file is removed"
"""What to try where a checkpoint is damaged, or its policy is, whoever chose it: a person, or "the newest"."""
FORMAT = "parkour-checkpoint"
VERSION = 2
READS = (1, 2)
"""Versions that can be read; 1 kept the task as the text of its TOML."""
CHECKSUM = "sha256"
"""Of everything else in the file, see :func:`parkour.digest.content_sha256`; earlier files have none."""


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
    payload[CHECKSUM] = content_sha256(payload)
    part = part_of(path)
    try:
        with part.open("wb") as file:
            torch.save(payload, file)
        put_in_place(part, path)
    except (OSError, RuntimeError) as error:
        # torch reports a failing stream as a RuntimeError; the cause is the OSError that it hides.
        reason = _os_error(error)
        if reason is None:
            raise
        raise StorageError(
            f"cannot save checkpoint {path}: {reason.strerror or reason}; the checkpoints before it are untouched",
            hint=hint,
        ) from error
    finally:
        discard(part)


def load_checkpoint(path: Path, map_location: str | torch.device = "cpu") -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: it is missing, cannot be read, is damaged, or is something else.
    """
    return read_checkpoint(path, map_location)[0]


def read_checkpoint(path: Path, map_location: str | torch.device = "cpu") -> tuple[Checkpoint, str]:
    """A checkpoint and the SHA-256 of its file, hexadecimal; the file is read once.

    Raises:
        CheckpointError: it is missing, cannot be read, is damaged, or is something else.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise CheckpointError(f"checkpoint {path} {what}, expected a file model_<iteration>.pt", hint="--run DIR")
    try:
        content = read_bytes(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CheckpointError(f"checkpoint {path} cannot be read: {reason}", hint=EARLIER) from None
    try:
        check_archive(content)
        data = torch.load(io.BytesIO(content), map_location=map_location, weights_only=True)
        check_bounds(data, len(content))
    except Exception as error:  # torch raises many types for damaged files, none of them its own
        raise CheckpointError(
            f"checkpoint {path} is damaged or not a checkpoint ({_first_line(error)})",
            hint=EARLIER,
        ) from None
    return _parse(path, data), hashlib.sha256(content).hexdigest()


def _parse(path: Path, data: Any) -> Checkpoint:
    if is_legacy(data):
        try:
            return convert(path, data)
        except MalformedError as error:
            raise CheckpointError(f"checkpoint {path} is damaged: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("format"), str) or data["format"] != FORMAT:
        raise CheckpointError(f"{path} is not a parkour checkpoint: expected a file that parkour train has written")
    if not isinstance(version := data.get("format_version"), int) or version not in READS:
        raise CheckpointError(f"checkpoint {path} has format version {version}, expected at most {VERSION}")
    _check_contents(path, data)
    if version == 1 and "task_toml" in data:
        data["task"] = _parse_task(path, data["task_toml"])
    wanted = {item.name for item in fields(Checkpoint)}
    if missing := wanted - data.keys():
        raise CheckpointError(f"checkpoint {path} is incomplete: it lacks {', '.join(sorted(missing))}")
    try:
        check_fields(data)
        stamp = TaskStamp.from_dict(data["stamp"])
    except (MalformedError, TaskError) as error:
        raise CheckpointError(f"checkpoint {path} is damaged: {error}", hint=EARLIER) from None
    values: dict[str, Any] = {name: data[name] for name in wanted} | {"stamp": stamp}
    return Checkpoint(**values)


def _check_contents(path: Path, data: dict[Any, Any]) -> None:
    """Whether the contents are those that were written, where the file says which."""
    if CHECKSUM not in data:
        return
    try:
        same = data[CHECKSUM] == content_sha256({name: value for name, value in data.items() if name != CHECKSUM})
    except TypeError:  # Damaged into something of another type.
        same = False
    if not same:
        raise CheckpointError(
            f"checkpoint {path} is damaged: its contents are not what its checksum says", hint=EARLIER
        )


def _parse_task(path: Path, text: Any) -> dict[str, Any]:
    """The task of a checkpoint of version 1."""
    try:
        return parse_toml(text)
    except (TypeError, AttributeError, MalformedError) as error:
        raise CheckpointError(f"checkpoint {path}: its task is damaged ({_first_line(error)})") from None


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:120]}" if text else type(error).__name__


def _os_error(error: BaseException) -> OSError | None:
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, OSError):
        seen = seen.__cause__ or seen.__context__
    return seen
