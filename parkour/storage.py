"""Files that commands write: folders are made, bad places are refused early, a file is whole or not there.

A file is written beside its place under another name (:func:`part_of`), flushed to the disk and then renamed, so that
neither a crash nor a full disk touches the one that was there. A symbolic link in its place is replaced, never
followed: whoever can put a link into a folder does not choose what is overwritten. The steps of it are in
:mod:`parkour_deploy.files`, which robots use too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TextIO

from parkour.errors import StorageError
from parkour_deploy.files import discard, part_of, put_in_place

_PART = re.compile(r"\.(.+)\.(\d+)\.(part(\..*)?|tmp|probe)")
_DEVICES = (Path("/dev"), Path("/proc"))
"""Below which names stand for pipes and terminals, ``/dev/stdout`` for one."""


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
    probe = parent / f".{path.name}.{os.getpid()}.probe"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        # To open a pipe is to wait for its reader, and to close it again is the end of what that reads.
        if not folder and path.exists() and not path.is_symlink() and not path.is_fifo():
            with path.open("ab"):  # What is there and may not be written is not replaced either.
                pass
        if folder or not _is_device(path):
            with probe.open("xb"):
                pass
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
        if _is_device(path):
            with _read_by_somebody(path):
                yield path
            return
        part = part_of(path)
        try:
            yield part
            put_in_place(part, path)
        finally:
            discard(part)
    except OSError as error:
        raise cannot_write(path, option, error) from error


@contextlib.contextmanager
def _read_by_somebody(path: Path) -> Iterator[None]:
    """Refuses a pipe that nobody reads, which would wait for ever."""
    if not path.is_fifo():
        yield
        return
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "a pipe that nobody reads", str(path)) from None
        raise
    try:
        yield
    finally:
        os.close(handle)


def open_growing(path: Path, mode: Literal["a", "w"] = "a") -> TextIO:
    """A file that others read while it grows, so that it cannot appear whole: UTF-8, appended to or begun anew.

    A symbolic link in its place is replaced, as by :func:`whole_file`, and nobody waits for a pipe.

    Raises:
        OSError: it cannot be written, or something else has its name.
    """
    if path.is_symlink():
        path.unlink()
    elif path.exists() and not path.is_file():
        kind = errno.EISDIR if path.is_dir() else errno.EINVAL
        reason = "a folder" if path.is_dir() else "a pipe or device"
        raise OSError(kind, f"{reason} is in its place, expected a file", str(path))
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if mode == "a" else os.O_TRUNC)
    if sys.platform != "win32":  # What may come between the look and this.
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK
    return os.fdopen(os.open(path, flags, 0o666), mode, encoding="utf-8")


def remove_parts(folder: Path, ours: Callable[[str], bool] = lambda stem: False) -> list[Path]:
    """Remove what killed processes had written of files in a folder and below it; returns what that was.

    Call it before writing there: only other processes' files are left alone, while those live.

    Args:
        folder: to look through.
        ours: whether we alone write files of this stem into the folder itself; a living process of the number in its
            name then is another one, as after a restart of the machine.
    """
    found = []
    for path in folder.rglob(".*"):
        match = _PART.fullmatch(path.name)
        if match and ((path.parent == folder and ours(match[1])) or _is_over(int(match[2]))):
            discard(path)
            found.append(path)
    return found


def _is_over(pid: int) -> bool:
    """Whether the process that had this number has ended, as far as this machine knows."""
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


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


def _is_device(path: Path) -> bool:
    """Whether this is a pipe, a terminal or the like, which is written to and cannot be replaced."""
    if any(path.absolute().is_relative_to(folder) for folder in _DEVICES):
        return True
    return path.exists() and not (path.is_file() or path.is_dir() or path.is_symlink())
