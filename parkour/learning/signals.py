"""Ctrl-C and SIGTERM: finish cleanly the first time, give up the second."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

from parkour.engines.device import distributed


class StopSignals:
    """While entered, the first SIGINT or SIGTERM only sets :attr:`reason`; a second Ctrl-C interrupts at once.

    Args:
        notify: told once, when the first signal comes.
    """

    def __init__(self, notify: Callable[[str], None] = lambda line: None) -> None:
        self.reason = ""
        self._notify = notify
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        # A launcher may pass the same Ctrl-C on a second time; only a process of its own takes it as impatience.
        if self.reason and number == signal.SIGINT and not distributed():
            raise KeyboardInterrupt
        if not self.reason:
            self.reason = name
            self._notify(f"{name}: saving a checkpoint, then stopping (Ctrl-C again to stop at once)")
