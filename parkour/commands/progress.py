"""The stage that goes on, as a line on stderr that is gone when it is over; on a terminal alone."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from parkour.quick_imports import uncollected
from parkour.stages import shown_by, stage
from parkour.text import printable

DRAWING = "drawing"
"""What commands call matplotlib's work."""
PATIENCE = 0.5
"""What takes less is not worth a line [s]."""
_PERIOD = 0.1
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass
class _Stage:
    text: str
    total: int | None
    begin: float
    done: int = 0


class StageLine:
    """A :class:`parkour.stages.StageDisplay`: what, how far, for how long."""

    def __init__(self) -> None:
        self._stages: list[_Stage] = []
        self._drawn = False
        self._lock = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._draw_now_and_then, daemon=True).start()

    def begin(self, text: str, total: int | None) -> None:
        with self._lock:
            self._stages.append(_Stage(printable(text), total, time.monotonic()))

    def step(self) -> None:
        with self._lock:
            if self._stages:
                self._stages[-1].done += 1

    def end(self) -> None:
        with self._lock:
            self._stages.pop()
            self._erase()

    def clear(self) -> None:
        with self._lock:
            self._erase()

    def close(self) -> None:
        """The thread ends, and nothing is left on the terminal."""
        self._over.set()
        self.clear()

    def _draw_now_and_then(self) -> None:
        while not self._over.wait(_PERIOD):
            with self._lock:
                if self._stages and time.monotonic() - self._stages[0].begin >= PATIENCE and not self._over.is_set():
                    self._draw(self._stages[-1])

    def _draw(self, stage: _Stage) -> None:
        now = time.monotonic()
        frame = _FRAMES[int(now / _PERIOD) % len(_FRAMES)]
        far = f" {stage.done} of {stage.total}" if stage.total else "…"
        self._write(f"\r\x1b[K{frame} {stage.text}{far}, {now - stage.begin:.0f} s")
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # The terminal is gone, which is no reason for the work to end.
            self._over.set()


@contextmanager
def stage_line() -> Iterator[None]:
    """Stages inside are shown, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    line = StageLine()
    try:
        with shown_by(line):
            yield
    finally:
        line.close()


@contextmanager
def loading() -> Iterator[None]:
    """Inside, a command imports torch and all that needs it."""
    with stage("loading"), uncollected():
        yield
