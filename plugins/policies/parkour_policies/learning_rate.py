"""How a student's learning rate falls in the course of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Schedule = Literal["half_life", "cosine"]


@dataclass(frozen=True)
class LearningRate:
    """A learning rate by iteration, or by the share of the run that is over."""

    first: float
    schedule: Schedule = "half_life"
    half_life: int = 0
    """Iterations; 0: it stays at ``first``."""
    last: float = 0.0
    """At the end of the cosine."""

    def at(self, iteration: int, progress: float) -> float:
        """For an ``iteration``, when ``progress`` of the run is over (0 to 1)."""
        if self.schedule == "cosine":
            return self.last + 0.5 * (self.first - self.last) * (1.0 + math.cos(math.pi * min(progress, 1.0)))
        return self.first if self.half_life == 0 else self.first * 0.5 ** (iteration / self.half_life)
