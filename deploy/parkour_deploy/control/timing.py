"""How punctual a loop was."""

from __future__ import annotations

import numpy as np


class Spread:
    """Durations, collected [ms]."""

    def __init__(self) -> None:
        self._values: list[float] = []

    def add(self, milliseconds: float) -> None:
        """One more."""
        self._values.append(milliseconds)

    @property
    def values(self) -> np.ndarray:
        """All of them."""
        return np.array(self._values)

    def summary(self) -> dict[str, float]:
        """Count, percentiles and the greatest."""
        values = self.values if self._values else np.zeros(1)
        found = {f"p{part}": round(float(np.percentile(values, part)), 3) for part in (50, 95, 99)}
        return {"count": len(self._values), **found, "max": round(float(values.max()), 3)}
