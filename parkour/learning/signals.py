"""Ctrl-C, SIGTERM and SIGHUP: finish cleanly the first time, give up the second."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

from parkour.engines.device import distributed
from parkour.learning.process import ENDS
from parkour.streams import let_go

NAMES: dict[int, str] = {number: "Ctrl-C" if number == signal.SIGINT else number.name for number in ENDS}
"""Of the signals that end a run, what they are called as its reason."""
STOPPING = "{}: saving a checkpoint, then stopping (Ctrl-C again to stop at once)"
"""What is said when one comes."""
STATUSES = {name: 128 + number for number, name in NAMES.items()}
"""Exit status of a process that one of them ended."""


def ignored_hangup(number: int) -> bool:
    """Whether this is SIGHUP and ignored: so nohup starts programs that outlive their terminal."""
    return NAMES[number] == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN


class StopSignals:
    """While entered, the first SIGINT, SIGTERM or SIGHUP only sets :attr:`reason`; a second Ctrl-C interrupts at once.

    SIGHUP, which a terminal that is gone sends (an ssh that dropped), stays ignored under nohup.

    Args:
        notify: told once, when the first signal comes.
    """

    def __init__(self, notify: Callable[[str], None] = lambda line: None) -> None:
        self.reason = ""
        self._notify = notify
        self._before: dict[int, object] = {}
        self._terminals: list[int] = []

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._terminals = [handle for handle in (1, 2) if os.isatty(handle)]
            for number in NAMES:
                if not ignored_hangup(number):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if NAMES[number] == "SIGHUP":
            # Nobody reads what is said from now on, and saying it to a terminal that is gone would be an error.
            let_go(self._terminals)
        # A launcher may pass the same Ctrl-C on a second time; only a process of its own takes it as impatience.
        if self.reason and number == signal.SIGINT and not distributed():
            raise KeyboardInterrupt
        if not self.reason:
            self.reason = NAMES[number]
            self._say(STOPPING.format(self.reason))

    def _say(self, line: str) -> None:
        """Tell it, even where the signal came while this thread was writing a line of its own."""
        try:
            self._notify(line)
        except RuntimeError:  # Python does not let a thread write into what it is just writing to; another one waits.
            threading.Thread(target=self._notify, args=(line,)).start()
