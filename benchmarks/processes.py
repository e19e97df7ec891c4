"""``parkour`` in processes that are forked from one that has imported everything, to be killed by the hundred."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 300.0
"""After which a process hangs [s]."""


def prepare() -> None:
    """Import what training imports, once for all processes that are forked from here."""
    os.environ["OMP_NUM_THREADS"] = "1"
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Under nohup it would be ignored, as it should be.
    import torch

    torch.set_num_threads(1)  # A pool of threads would not survive a fork.
    import parkour.learning.launch
    import parkour.learning.train  # noqa: F401
    import parkour_cli.__main__
    import parkour_cli.train  # noqa: F401
    import parkour_mujoco.env  # noqa: F401


def fork(arguments: Sequence[str], log: Path) -> int:
    """``parkour ARGUMENTS`` in a process of its own, whose words are appended to a file."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.argv = ["parkour", *arguments]
        from parkour_cli.__main__ import main

        main(list(arguments))
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def wait(pid: int) -> int:
    """The exit status of a process; minus the signal that killed it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -999


def ended(pid: int) -> bool:
    """Whether a child of ours has ended; it is not waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[str]:
    """Numbers of the processes that a process started, in order."""
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
