"""Files that are whole or not there: a robot's power goes without a word."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Iterator

from parkour_deploy.errors import DeployError


def check_writable(path: Path, option: str) -> None:
    """Whether a file can be written, before a robot moves; makes the folders above it.

    Raises:
        DeployError: it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        probe = part_of(path)
        with probe.open("xb"):
            pass
        probe.unlink()
    except OSError as error:
        raise DeployError(f"{option}: cannot write {path}: {error.strerror or error}", hint=f"{option} FILE") from None


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to, with its suffix: moved there when the block ends, removed when it fails.

    A symbolic link at ``path`` is replaced, never followed.

    Raises:
        OSError: it cannot be written.
    """
    part = part_of(path)
    try:
        yield part
        put_in_place(part, path)
    finally:
        discard(part)


def part_of(path: Path) -> Path:
    """Where the file of ``path`` is while it is being written: beside it, hidden, with its suffix."""
    return path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")


def put_in_place(part: Path, path: Path) -> None:
    """Give a file that is whole its name, so that it survives a power cut.

    Raises:
        OSError: it cannot be moved there; ``part`` and what was at ``path`` are still there.
    """
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    with contextlib.suppress(OSError):  # Not every system can do this with a folder.
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def discard(part: Path) -> None:
    """Remove what was written of a file, if anything."""
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)
