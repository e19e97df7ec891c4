"""What is made once for all workers of a run, and only read."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(name: str, make: Callable[[Path], object], factory: pytest.TempPathFactory) -> Path:
    """A folder that the first worker fills; the others wait for it.

    Args:
        name: of the folder, unique among all tests.
        make: fills an empty folder; where it fails, the next worker tries again.
        factory: of the session.
    """
    base = factory.getbasetemp()
    # Each worker of pytest-xdist has a folder of its own below that of the run.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
