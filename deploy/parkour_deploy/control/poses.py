"""Standing up and lying down: straight lines between poses, by way of the lying one, so that no foot is dragged."""

from __future__ import annotations

import numpy as np


def standing_up(part: float, begin: np.ndarray, lying: np.ndarray, standing: np.ndarray) -> np.ndarray:
    """``[J]`` the pose when ``part`` of the way, 0 to 1, is done: a third of it to the lying pose, then up [rad]."""
    first, second = min(1.0, 3 * part), max(0.0, min(1.0, (3 * part - 1) / 2))
    if second == 0.0:
        return (1 - first) * begin + first * lying
    return (1 - second) * lying + second * standing


def lying_down(part: float, begin: np.ndarray, lying: np.ndarray) -> np.ndarray:
    """``[J]`` the pose when ``part`` of the way, 0 to 1, is done [rad]."""
    done = min(1.0, max(0.0, part))
    return (1 - done) * begin + done * lying
