"""Where the time of an environment step goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

Phase = tuple[str, object, str]
"""Name of a phase, and the object and attribute of the method whose calls belong to it."""


class PhaseProfile:
    """Charges time to phases; what a phase calls that is a phase of its own is charged to that one alone.

    The device is waited for at every border, so that each phase pays for its own work. That hides what a device and
    its host do at the same time: the sum is more than a step takes.

    Args:
        device: to wait for.
        rest: name of the phase of everything else.
    """

    def __init__(self, device: torch.device, rest: str = "other") -> None:
        self._device = device
        self._open = [rest]
        self._since = 0.0
        self._seconds: dict[str, float] = defaultdict(float)
        self._undo: list[Callable[[], None]] = []

    def watch(self, name: str, owner: object, attribute: str) -> None:
        """Let calls of ``owner.attribute`` be the phase ``name`` until :meth:`stop`."""
        original: Callable[..., Any] = getattr(owner, attribute)

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._turn()
            self._open.append(name)
            try:
                return original(*args, **kwargs)
            finally:
                self._turn()
                self._open.pop()

        setattr(owner, attribute, timed)
        self._undo.append(lambda: delattr(owner, attribute))

    def start(self) -> None:
        """Begin to count."""
        self._seconds.clear()
        self._wait()
        self._since = time.perf_counter()

    def stop(self) -> dict[str, float]:
        """Seconds of each phase, the longest first. The methods are as they were."""
        self._turn()
        for undo in self._undo:
            undo()
        self._undo.clear()
        return dict(sorted(self._seconds.items(), key=lambda item: -item[1]))

    def _turn(self) -> None:
        self._wait()
        now = time.perf_counter()
        self._seconds[self._open[-1]] += now - self._since
        self._since = now

    def _wait(self) -> None:
        # Of what is being recorded as a graph nothing runs, and to wait would break it.
        if self._device.type == "cuda" and not torch.cuda.is_current_stream_capturing():
            torch.cuda.synchronize(self._device)
