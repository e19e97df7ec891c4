"""The last seconds of every reward term, for plots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class RewardHistory:
    """What each term gave the robot that is watched, per second, over the last control steps.

    Args:
        names: of the terms.
        length: control steps that are kept.
        step_dt: control step [s].
    """

    def __init__(self, names: Sequence[str], length: int, step_dt: float) -> None:
        self.names = tuple(names)
        self.step_dt = step_dt
        self._values = np.zeros((length, len(self.names)))
        self._count = 0

    def add(self, values: np.ndarray) -> None:
        """``[R]`` weighted terms of a control step."""
        self._values[self._count % len(self._values)] = values / self.step_dt
        self._count += 1

    def clear(self) -> None:
        """Another robot, or another episode."""
        self._count = 0

    @property
    def times(self) -> np.ndarray:
        """``[T]`` of each value, 0 being now [s]."""
        kept = min(self._count, len(self._values))
        return (np.arange(kept) - kept + 1) * self.step_dt

    @property
    def values(self) -> np.ndarray:
        """``[T, R]`` oldest first [1/s]."""
        if self._count <= len(self._values):
            return self._values[: self._count].copy()
        return np.roll(self._values, -(self._count % len(self._values)), axis=0)

    def latest(self) -> dict[str, float]:
        """By term; zeros before the first step."""
        values = self.values
        row = values[-1] if len(values) else np.zeros(len(self.names))
        return dict(zip(self.names, row.tolist(), strict=True))
