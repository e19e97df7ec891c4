"""PD control and DC motors, one robot at a time."""

from __future__ import annotations

import numpy as np

from parkour.mdp.robot import RobotLayout


class Motors:
    """Torques from position targets, each within what its motor can give at its speed.

    A motor that turns at ``v`` gives between ``S (-1 - v/V)`` and ``S (1 - v/V)`` for standstill torque S and no-load
    speed V, never more than its limit E, and at most -E or E when it is driven faster than it can turn by itself.
    """

    def __init__(self, layout: RobotLayout) -> None:
        self.stiffness = np.array(layout.stiffness)
        self.damping = np.array(layout.damping)
        self.limit = np.array(layout.effort_limit)
        self.standstill = np.array(layout.saturation_effort)
        self.no_load = np.array(layout.velocity_limit)

    def torque(self, target: np.ndarray, pos: np.ndarray, vel: np.ndarray) -> np.ndarray:
        """``[J]`` [N m] from targets and positions [rad] and velocities [rad/s]."""
        return self.limited(self.stiffness * (target - pos) - self.damping * vel, vel)

    def limited(self, wanted: np.ndarray, vel: np.ndarray) -> np.ndarray:
        """``[J]`` what the motors give of what is wanted [N m] at these velocities [rad/s]."""
        part = vel / self.no_load
        upper = np.clip(self.standstill * (1.0 - part), -self.limit, self.limit)
        lower = np.clip(self.standstill * (-1.0 - part), -self.limit, self.limit)
        return np.clip(wanted, lower, upper)
