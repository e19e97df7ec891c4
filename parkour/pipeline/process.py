"""A ``parkour`` command in a process of its own."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TextIO

from parkour.child_process import python_command, python_environment
from parkour.errors import ParkourError
from parkour.storage import cannot_write, open_growing

PARKOUR = "parkour_cli"
"""Module of the command."""
LOG, OUTPUT = "log.txt", "output.txt"
"""What a command says on stderr, appended, and on stdout."""
TICK = 0.5
"""Between looks at how far it is [s]."""
PATIENCE = 4.0
"""After a second signal, before what does not end is killed [s]."""
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

    module: str = PARKOUR
    """``python -m module arguments`` is ``parkour arguments``."""

    def run(self, arguments: Sequence[str], folder: Path, on_tick: Callable[[], None]) -> None:
        """Run a command to its end, its words in files of ``folder``.

        Ctrl-C, SIGTERM and SIGHUP reach it once, as SIGTERM, and it saves before it ends; the second ends it at once.

        Args:
            arguments: of ``parkour``.
            folder: of :data:`LOG` and :data:`OUTPUT`.
            on_tick: called now and then.

        Raises:
            ParkourError: it failed; the message is its own.
            StageStoppedError: it was stopped.
        """
        # Before it is started: a process of its own session that nobody tells to stop would go on alone.
        with _opened(folder / LOG, "a") as log, _opened(folder / OUTPUT, "w") as output, _Relay() as relay:
            said = log.tell()
            process = relay.start(
                subprocess.Popen(
                    python_command(self.module, arguments), start_new_session=True, stdout=output, stderr=log,
                    env=python_environment(),
                )
            )  # fmt: skip
            while process.poll() is None:
                on_tick()
                relay.wait(TICK)
        status = process.returncode
        if relay.asked or status in STOPPED:
            raise StageStoppedError(relay.asked[0] if relay.asked else status)
        if status != 0:
            raise _failure(arguments, folder / LOG, said, status)


def _opened(path: Path, mode: Literal["a", "w"]) -> TextIO:
    try:
        return open_growing(path, mode)
    except OSError as error:
        raise cannot_write(path, "--out", error) from error


class _Relay:
    """While entered, signals to us end a process instead.

    The first reaches it as SIGTERM, and it saves; the second as a Ctrl-C, and it saves no more. It is killed where that
    takes longer than :data:`PATIENCE`, as when it is stopped.
    """

    def __init__(self) -> None:
        self.asked: list[int] = []
        """The statuses that signals stand for, in order."""
        self._process: subprocess.Popen[bytes] | None = None
        self._before: dict[int, Any] = {}
        self._deadline = math.inf

    def __enter__(self) -> _Relay:
        # Imports torch, for which --help need not wait.
        from parkour.learning.signals import NAMES, ignored_hangup

        for number in NAMES:
            if not ignored_hangup(number):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def start(self, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """``process``, which hears of what came before it too."""
        self._process = process
        for place in range(len(self.asked)):
            self._tell(place)
        return process

    def wait(self, seconds: float) -> None:
        """A moment, at the end of which nobody may be left to wait for."""
        time.sleep(seconds)
        if self._process is not None and time.monotonic() > self._deadline:
            self._process.kill()

    def _ask(self, number: int, frame: object) -> None:
        self.asked.append(128 + number)
        self._tell(len(self.asked) - 1)

    def _tell(self, place: int) -> None:
        if self._process is None or place > 1:
            return
        self._process.send_signal(signal.SIGINT if place else signal.SIGTERM)
        if place:
            self._deadline = time.monotonic() + PATIENCE


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
