"""An iteration of training, as those hear of it who write, show or watch it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Iteration:
    """What one iteration was like."""

    index: int
    """Iterations trained so far, this one included."""
    total: int
    """Iterations wanted in all."""
    scalars: Mapping[str, float]
    """Everything worth a curve, by name."""
    steps: int
    """Environment steps of this iteration, over all processes."""
    total_steps: int
    """Environment steps of the whole run."""
    seconds: float
    """Wall time of this iteration."""
    total_seconds: float
    """Wall time of the whole run."""


class Listener(Protocol):
    """Told of every iteration; a logger, a display, a test."""

    def on_iteration(self, iteration: Iteration) -> None: ...

    def close(self) -> None: ...
