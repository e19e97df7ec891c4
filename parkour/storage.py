"""Files that commands write: folders are made, bad places are refused early, a file is whole or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from parkour.errors import StorageError


def make_folder(folder: Path, option: str) -> Path:
    """A folder, and those above it, made if they are not there.

    Args:
        folder: to make.
        option: through which the user chose the place, for the error.

    Raises:
        StorageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, option, error) from error
    return folder


def check_writable(path: Path, option: str, *, folder: bool = False) -> None:
    """Whether a file (or into a folder) can be written, before anything slow happens; makes the folders above it.

    A file that is there stays as it is, and none is left behind.

    Raises:
        StorageError: it cannot.
    """
    parent = path if folder else path.parent
    probe = parent / f".{path.name}.{os.getpid()}.probe" if folder else path
    try:
        parent.mkdir(parents=True, exist_ok=True)
        existed = probe.exists()
        with probe.open("ab"):
            pass
        if not existed:
            probe.unlink()
    except OSError as error:
        raise cannot_write(path, option, error) from error


@contextlib.contextmanager
def whole_file(path: Path, option: str) -> Iterator[Path]:
    """A place beside ``path`` to write to, with its suffix: moved there when the block ends, removed when it fails.

    So a file of the wanted name is always whole, and the one that was there stays until then.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # A pipe or a terminal, which cannot be replaced; a folder fails.
            yield path
            return
        place = path.resolve()
        part = place.with_name(f".{place.stem}.{os.getpid()}.part{place.suffix}")
        try:
            yield part
            part.replace(place)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, option, error) from error


def write_text(path: Path, text: str, option: str) -> None:
    """Write a file, all of it or nothing.

    Raises:
        StorageError: it cannot be written.
    """
    write_bytes(path, text.encode(), option)


def write_bytes(path: Path, data: bytes, option: str) -> None:
    """Write a file, all of it or nothing.

    Raises:
        StorageError: it cannot be written.
    """
    with whole_file(path, option) as part:
        part.write_bytes(data)


def cannot_write(path: Path, option: str, error: OSError) -> StorageError:
    """The error for a place that cannot be written, to be raised."""
    return StorageError(
        f"{option}: cannot write {path}: {error.strerror or error}",
        hint=f"{option} with a place that can be written",
    )
