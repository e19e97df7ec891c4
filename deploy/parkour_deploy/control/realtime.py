"""Habits of a process that must not be late: memory that is never paged out, priority, no garbage collection."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
from typing import Iterator

PRIORITY = 50
"""Of SCHED_FIFO, from 1 to 99; the kernel's own interrupt threads have 50."""
_LOCK_NOW_AND_LATER = 3


@contextlib.contextmanager
def punctual() -> Iterator[list[str]]:
    """Within, the calling thread is as punctual as the machine allows; yields a line for everything that failed.

    Threads that exist already keep their priority.
    """
    failed: list[str] = []
    gc.collect()
    gc.freeze()
    gc.disable()
    locked = sys.platform.startswith("linux") and _lock_memory(failed)
    before = _raise_priority(failed) if sys.platform.startswith("linux") else None
    try:
        yield failed
    finally:
        if before is not None:
            os.sched_setscheduler(0, before, os.sched_param(0))
        if locked:
            ctypes.CDLL(None).munlockall()
        gc.enable()
        gc.unfreeze()


def _lock_memory(failed: list[str]) -> bool:
    if ctypes.CDLL(None, use_errno=True).mlockall(_LOCK_NOW_AND_LATER) == 0:
        return True
    failed.append(f"memory is not locked ({os.strerror(ctypes.get_errno())}): raise the limit with ulimit -l")
    return False


def _raise_priority(failed: list[str]) -> int | None:
    before = os.sched_getscheduler(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError as error:
        failed.append(f"no real-time priority ({error.strerror}): run as root, or raise the limit with ulimit -r")
        return None
    return before
