"""One process at a time in a run folder.

The lock is the kernel's, on a file in the folder (``flock``), so it ends with its process however that ends. The file
says who has it. Where a file system has no such locks, what the file says is the lock.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from parkour.errors import StorageError
from parkour.text import printable

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked.
    fcntl = None

LOCK_FILE = ".lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
"""What file systems without locks answer."""
_SETTLE = 0.2
"""How long to wait for those that only ask; and, without locks, for a process that found the file free as well [s]."""
_LONGEST = 4096
"""Bytes of the file that are read."""


def command_here() -> str:
    """The command line of this process, without the folder of its program."""
    program = Path(sys.argv[0]).name if sys.argv else ""
    words = ["parkour", *sys.argv[1:]] if program in ("parkour", "__main__.py") else [program, *sys.argv[1:]]
    return shlex.join(words)


@dataclass(frozen=True)
class Holder:
    """The process that works in a run folder."""

    pid: int
    host: str
    command: str

    @classmethod
    def here(cls) -> Holder:
        """This process."""
        return cls(os.getpid(), socket.gethostname(), command_here()[:500])

    @property
    def lives(self) -> bool:
        """Whether it still runs, as far as this machine can tell: those of others may."""
        if self.host != socket.gethostname():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):
            return True
        return True

    def __str__(self) -> str:
        return f"process {self.pid} on {printable(self.host)} ({printable(self.command)})"


class RunLock:
    """Held while entered: nobody else trains into the folder or clears it up.

    Args:
        folder: of a run.
        notify: told in a line when the lock of a process that was killed is taken over.
        what: it is the folder of, for errors.

    Raises:
        StorageError: on entering, when somebody has it, or the folder cannot be written.
    """

    def __init__(
        self, folder: Path, notify: Callable[[str], None] = lambda line: None, *, what: str = "run"
    ) -> None:  # fmt: skip
        self.folder, self._path, self._notify, self._what = folder, folder / LOCK_FILE, notify, what
        self._handle = -1

    def __enter__(self) -> RunLock:
        if fcntl is None:
            return self
        try:
            while not self._acquire():
                pass
        except OSError as error:
            self._close()
            raise StorageError(
                f"cannot lock {self._what} folder {self.folder}: {error.strerror or error}",
                hint=f"a folder that can be written; {self._path} may be removed if it is no file",
            ) from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _same_file(self._handle, self._path):
            self._path.unlink(missing_ok=True)
        self._close()

    def _acquire(self) -> bool:
        """One attempt; False when the file was removed meanwhile by the process that had it."""
        self._close()
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        locks = self._flock()
        if not _same_file(self._handle, self._path):
            return False
        before = _read(self._handle)
        if before is not None and not locks and before.lives and before != Holder.here():
            raise self._in_use(before)
        if before is not None:
            self._notify(f"{before} ended without a word; taking over {self.folder}")
        self._write(Holder.here())
        if not locks:
            time.sleep(_SETTLE)
            if (now := read_holder(self.folder)) != Holder.here():
                raise self._in_use(now)
        return True

    def _flock(self) -> bool:
        """Take the kernel's lock; whether there is such a thing here."""
        assert fcntl is not None
        deadline = time.monotonic() + _SETTLE
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                # Somebody may only have asked whether it is in use.
                if time.monotonic() > deadline:
                    raise self._in_use(_read(self._handle)) from None
                time.sleep(_SETTLE / 4)
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    return False
                raise

    def _in_use(self, holder: Holder | None) -> StorageError:
        stop = "wait until it ends"
        if holder is not None and holder.host == socket.gethostname():
            stop += f", or stop it: kill {holder.pid}"
        elif holder is not None:
            stop += f"; if it has, remove {self._path}"
        return StorageError(f"{self._what} folder {self.folder} is in use by {holder or 'another process'}", hint=stop)

    def _write(self, holder: Holder) -> None:
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, json.dumps(asdict(holder)).encode()[:_LONGEST], 0)

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def in_use(folder: Path) -> bool:
    """Whether a process works in a run folder now. Nothing is written, so a folder that is not ours can be asked."""
    if fcntl is None:
        return False
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:
        holder = _read(handle)
        return holder is not None and holder.lives
    finally:
        os.close(handle)


def read_holder(folder: Path) -> Holder | None:
    """Who the lock of a run folder names; None where there is none, or it is not readable."""
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _read(handle)
    finally:
        os.close(handle)


def _read(handle: int) -> Holder | None:
    try:
        data = json.loads(os.pread(handle, _LONGEST, 0))
        # Numbers below 1 are no process, but all of them to those who do as they are told: kill -1.
        pid = int(data["pid"])
        return Holder(pid, str(data["host"]), str(data["command"])) if pid > 0 else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _same_file(handle: int, path: Path) -> bool:
    """Whether the open file is still the one of this name."""
    try:
        ours, named = os.fstat(handle), path.lstat()
    except OSError:
        return False
    return (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino)
