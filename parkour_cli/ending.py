"""How a command ends that is told to: soon, without a traceback, and with nothing left behind.

Python turns Ctrl-C into an exception, which unwinds the program: temporary folders vanish, and processes that were
started end. SIGTERM and SIGHUP do the same here; by themselves they end a process where it stands. Commands that finish
something first, as training does, take these signals themselves while they run.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from parkour.errors import TerminatedError

GRACE = 30
"""How long unwinding may take; a program that lost the exception, or hangs, is killed then [s]."""
STANDS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL} | (
    {} if sys.platform == "win32" else {signal.SIGHUP: signal.SIG_DFL}
)
"""Signals that end a command, and what handles them where nobody has said otherwise: nohup, say, ignores SIGHUP."""


@contextmanager
def unwound() -> Iterator[list[int]]:
    """While it lasts, the first signal raises an exception, and the second ends the process where it stands.

    Yields:
        The signal that came, once one has.
    """
    came: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.signal(number, signal.SIG_DFL)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        if sys.platform != "win32":
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(GRACE)
        raise TerminatedError

    # Processes that train together are ended by the one that started them.
    alone = "LOCAL_RANK" not in os.environ and threading.current_thread() is threading.main_thread()
    ours = [number for number, plain in STANDS.items() if alone and signal.getsignal(number) == plain]
    for number in ours:
        signal.signal(number, end)
    try:
        yield came
    finally:
        if came and sys.platform != "win32":
            signal.alarm(0)
        for number in ours:
            signal.signal(number, STANDS[number])


@contextmanager
def importing() -> Iterator[None]:
    """Ctrl-C ends the process at once: nothing has been done yet, and a traceback would tell of nothing."""
    plain = signal.default_int_handler
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) != plain:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, plain)
