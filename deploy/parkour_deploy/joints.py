"""The robot's order of motors and feet, and the policy's."""

from __future__ import annotations

import numpy as np


class JointOrder:
    """Translates between a policy's order and that of a robot's messages.

    Args:
        order: ``[J]`` for each place in the robot's order, the index in the policy's.
    """

    def __init__(self, order: np.ndarray) -> None:
        self._robot_from_policy = np.asarray(order, dtype=np.intp)
        self._policy_from_robot = np.argsort(self._robot_from_policy)

    def to_policy(self, values: np.ndarray) -> np.ndarray:
        """``[..., J]`` in the policy's order, from the robot's."""
        return values[..., self._policy_from_robot]

    def to_robot(self, values: np.ndarray) -> np.ndarray:
        """``[..., J]`` in the robot's order, from the policy's."""
        return values[..., self._robot_from_policy]
