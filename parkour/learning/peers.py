"""What processes that train together on one machine, and the launcher that watches them, tell each other.

It goes through the store in which they find each other too; the launcher keeps it, so it outlives any of them. Under
torchrun there is no launcher of ours, and nothing of this.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.distributed import Store, TCPStore  # pyright: ignore[reportPrivateImportUsage]

LAUNCHER = "PARKOUR_LAUNCHER"
"""Set for processes that a launcher of ours started: its process number."""
HOST = "127.0.0.1"
_FOLDER, _LOST, _SAVER, _SAVED = "folder", "lost", "saver", "saved"
_TICK = 0.05


@dataclass(frozen=True)
class Saved:
    """A checkpoint that one process wrote when it had lost another."""

    rank: int
    path: Path


class Peers:
    """The processes of a run, seen from one of them or from the launcher.

    Args:
        store: of the launcher; a connection of its own, for one that waits in one thread answers no other.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, folder: Path) -> None:
        """The first process: from now on there is something to save, and this is where."""
        self._store.set(_FOLDER, str(folder.absolute()))

    @property
    def folder(self) -> Path | None:
        """The run folder; None before training begins."""
        return Path(self._store.get(_FOLDER).decode()) if self._store.check([_FOLDER]) else None

    def lose(self, rank: int) -> None:
        """The launcher: a process has ended that should not have."""
        self._store.set(_LOST, str(rank))

    def lost_one(self, patience: float = 0.0) -> bool:
        """Whether a process has been lost, as the launcher says within so many seconds."""
        deadline = time.monotonic() + patience
        while not self._store.check([_LOST]):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_TICK)
        return True

    def claim(self) -> bool:
        """Whether this process is the first to ask, and so the one that saves."""
        return self._store.add(_SAVER, 1) == 1

    def report(self, saved: Saved) -> None:
        """The process that saved: where."""
        self._store.set(_SAVED, f"{saved.rank} {saved.path}")

    @property
    def saved(self) -> Saved | None:
        """What was saved after a loss."""
        if not self._store.check([_SAVED]):
            return None
        rank, _, path = self._store.get(_SAVED).decode().partition(" ")
        return Saved(int(rank), Path(path))


def peers_here() -> Peers | None:
    """Those of this process; None unless a launcher of ours started it."""
    return Peers(_connect()) if launched() else None


def launched() -> bool:
    """Whether a launcher of ours started this process."""
    return LAUNCHER in os.environ


def launcher_is_gone() -> str:
    """Why to stop, if the launcher ended before its processes did; or nothing."""
    pid = os.environ.get(LAUNCHER)
    return "" if pid is None or pid == str(os.getppid()) else "the launching process ended"


def make_store() -> TCPStore:
    """The launcher's, on a port that is free."""
    from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

    return TCPStore(HOST, 0, is_master=True, wait_for_workers=False)


def group_store() -> Store | None:
    """In which the processes of a run find each other; None where torchrun's, named by the environment, is."""
    from torch.distributed import PrefixStore  # pyright: ignore[reportPrivateImportUsage]

    return PrefixStore("group", _connect()) if launched() else None


def _connect() -> TCPStore:
    from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

    return TCPStore(HOST, int(os.environ["MASTER_PORT"]), is_master=False, wait_for_workers=False)


def agree(reason: str, device: str) -> str:
    """A reason to stop that any process has, in all of them (the first one's that has one); empty if none has.

    Args:
        reason: this process's.
        device: of what is exchanged.
    """
    rank, size = torch.distributed.get_rank(), torch.distributed.get_world_size()
    first = torch.tensor(rank if reason else size, device=device)
    torch.distributed.all_reduce(first, op=torch.distributed.ReduceOp.MIN)
    speaker = int(first.item())
    if speaker == size:
        return ""
    words = torch.zeros(256, dtype=torch.uint8, device=device)
    if rank == speaker:
        text = reason.encode()[: len(words)]
        words[: len(text)] = torch.tensor(list(text), dtype=torch.uint8)
    torch.distributed.broadcast(words, src=speaker)
    return bytes(words.tolist()).rstrip(b"\0").decode(errors="replace")
