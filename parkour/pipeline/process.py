"""A ``parkour`` command in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from parkour.child_process import python_command, python_environment
from parkour.errors import ParkourError

LOG, OUTPUT = "log.txt", "output.txt"
"""What a command says on stderr, appended, and on stdout."""
TICK = 0.5
"""Between looks at how far it is [s]."""
STOPPED = (129, 130, 143)
"""Statuses of commands that SIGHUP, Ctrl-C and SIGTERM ended."""


class StageStoppedError(Exception):
    """Somebody stopped the pipeline; ``status`` is what it ends with."""

    def __init__(self, status: int) -> None:
        super().__init__(f"stopped with status {status}")
        self.status = status


@dataclass(frozen=True)
class CommandLine:
    """How commands are started."""

    module: str
    """``python -m module arguments`` is ``parkour arguments``."""

    def run(self, arguments: Sequence[str], folder: Path, on_tick: Callable[[], None]) -> None:
        """Run a command to its end, its words in files of ``folder``.

        Ctrl-C, SIGTERM and SIGHUP reach it once, as SIGTERM, and it saves before it ends.

        Args:
            arguments: of ``parkour``.
            folder: of :data:`LOG` and :data:`OUTPUT`.
            on_tick: called now and then.

        Raises:
            ParkourError: it failed; the message is its own.
            StageStoppedError: it was stopped.
        """
        with (folder / LOG).open("a", encoding="utf-8") as log, (folder / OUTPUT).open("w", encoding="utf-8") as output:
            said = log.tell()
            process = subprocess.Popen(
                python_command(self.module, arguments), start_new_session=True, stdout=output, stderr=log,
                env=python_environment(),
            )  # fmt: skip
            with _passing_on(process) as asked:
                while process.poll() is None:
                    on_tick()
                    time.sleep(TICK)
        status = process.returncode
        if asked or status in STOPPED:
            raise StageStoppedError(asked[0] if asked else status)
        if status != 0:
            raise _failure(arguments, folder / LOG, said, status)


@contextlib.contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """While it lasts, signals to us end ``process`` instead; the statuses that they stand for, in order."""
    asked: list[int] = []

    def stop(number: int, frame: object) -> None:
        if not asked:
            process.terminate()
        asked.append(128 + number)

    # Imports torch, for which --help need not wait.
    from parkour.learning.signals import NAMES, ignored_hangup

    before = {number: signal.signal(number, stop) for number in NAMES if not ignored_hangup(number)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if process.poll() is None:
            process.kill()
            process.wait()


def _failure(arguments: Sequence[str], log: Path, begin: int, status: int) -> ParkourError:
    """What a command died of: its own line of error and hint, or where to read on."""
    with log.open("rb") as file:
        file.seek(begin)
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    starts = [i for i, line in enumerate(lines) if line.startswith("error: ")]
    command = f"parkour {arguments[0]}"
    if not starts:
        last = lines[-1].strip() if lines else "it said nothing"
        return ParkourError(f"{command} ended with status {status}: {last}", hint=f"read {os.fspath(log)}")
    error = lines[starts[-1]].removeprefix("error: ")
    hints = [line.removeprefix("hint: ") for line in lines[starts[-1] :] if line.startswith("hint: ")]
    return ParkourError(f"{command}: {error}", hint=hints[0] if hints else f"read {os.fspath(log)}")
