"""Roll, pitch and yaw, as the simulators define them."""

from __future__ import annotations

import math

import numpy as np


def roll_pitch_yaw(quaternion: np.ndarray) -> tuple[float, float, float]:
    """Angles [rad] of a unit quaternion (w, x, y, z): about x, then y, then z of the world.

    Of a rotation matrix R: roll = atan2(R₃₂, R₃₃), pitch = −asin(R₃₁), yaw = atan2(R₂₁, R₁₁).
    """
    w, x, y, z = (float(value) for value in quaternion)
    roll = math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x))))
    yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return roll, pitch, yaw


def wrap(angle: float) -> float:
    """The same angle within ± pi [rad]."""
    return math.remainder(angle, 2 * math.pi)
