"""How long a run may take, and its iterations' phases, without a host sync between them."""

from __future__ import annotations

import time

import torch


class PhaseTimer:
    """Marks points in time: CUDA events on a GPU, the clock elsewhere."""

    def __init__(self, device: str | torch.device) -> None:
        self._cuda = torch.device(device).type == "cuda"
        self._marks: list[torch.cuda.Event | float] = []

    def start(self) -> None:
        """Forget all marks and set the first one."""
        self._marks.clear()
        self.mark()

    def mark(self) -> None:
        """The end of a phase."""
        if self._cuda:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._marks.append(event)
        else:
            self._marks.append(time.perf_counter())

    def phases(self) -> list[float]:
        """Seconds between the marks; a host sync."""
        if not self._cuda:
            return [float(b) - float(a) for a, b in zip(self._marks, self._marks[1:], strict=False)]  # type: ignore[arg-type]
        self._marks[-1].synchronize()  # type: ignore[union-attr]
        return [a.elapsed_time(b) / 1000.0 for a, b in zip(self._marks, self._marks[1:], strict=False)]  # type: ignore[union-attr]


class TimeLimit:
    """Minutes that may be trained from now on; None: any number."""

    def __init__(self, minutes: float | None) -> None:
        self.minutes, self.begin = minutes, time.monotonic()

    def share(self) -> float:
        """How much of it is over, from 0 on; 0 without a limit."""
        return 0.0 if self.minutes is None else (time.monotonic() - self.begin) / (60.0 * self.minutes)

    def reason(self) -> str:
        """Why to stop, or nothing."""
        return f"{self.minutes:g} minutes are over" if self.share() >= 1.0 else ""
