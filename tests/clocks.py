"""A clock for tests of what is timed: on a busy machine the real one says what others did."""

from __future__ import annotations


class HandClock:
    """In place of the module ``time``: only :meth:`sleep` makes time pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        """Seconds that were slept."""
        return self.now

    def monotonic(self) -> float:
        """Seconds that were slept."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """At once."""
        self.now += seconds
