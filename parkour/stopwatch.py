"""How long something takes on a machine that others use too."""

from __future__ import annotations

import time
from pathlib import Path

_WAITED = Path("/proc/thread-self/schedstat")
"""On Linux: time on a processor, time of waiting for one [ns], turns."""


class Stopwatch:
    """Measures a thread's own time: that in which it works or sleeps, and not that in which it waits for a processor.

    Where the system does not tell how long that is, it counts too.
    """

    def __init__(self) -> None:
        self._begin = self._own_time()

    def seconds(self) -> float:
        """Since it was made, by the same thread [s]."""
        return self._own_time() - self._begin

    @staticmethod
    def _own_time() -> float:
        return time.perf_counter() - _waited()


def _waited() -> float:
    """Of the calling thread, since it began [s]."""
    try:
        return int(_WAITED.read_bytes().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
