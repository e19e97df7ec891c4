"""Foot contact from sensors that drift and have no unit: by thresholds that were calibrated in the air."""

from __future__ import annotations

import numpy as np

from parkour_deploy.joints import JointOrder


class FootContact:
    """Whether each foot is down, now or one control step ago.

    Args:
        thresholds: ``[F]`` in the robot's order and the sensors' own numbers; above one, a foot is down.
        order: of the feet.
    """

    def __init__(self, thresholds: np.ndarray, order: JointOrder) -> None:
        self._thresholds, self._order = thresholds, order
        self.reset()

    def reset(self) -> None:
        """A new episode begins."""
        self._before = np.zeros(len(self._thresholds), dtype=bool)

    def __call__(self, foot_force: np.ndarray) -> np.ndarray:
        """``[F]`` in the policy's order: infinity for a foot that is down, 0 for one that is not."""
        down = foot_force > self._thresholds
        touching, self._before = down | self._before, down
        return np.where(self._order.to_policy(touching), np.inf, 0.0)
