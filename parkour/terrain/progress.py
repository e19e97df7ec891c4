"""How far along a course a robot is, where the course does not simply lead forward.

Most courses lead forward: the distance from the start says how far a robot has come. One that winds, whose way points
lead back at some place, may end where it began: there the distance along the way points counts.
"""

from __future__ import annotations

import numpy as np

BACKWARD = 0.05
"""Way points that lie further back than this along x, seen from the one before, lead back [m]."""


def winds(goals: np.ndarray, spawn: np.ndarray) -> np.ndarray:
    """``[P]`` bool: whether the way from ``spawn`` ``[P, 3]`` over ``goals`` ``[P, G, 2]`` leads back anywhere."""
    x = np.concatenate([spawn[:, None, 0], goals[..., 0]], axis=1)
    return np.any(np.diff(x, axis=1) < -BACKWARD, axis=1)


def way_lengths(goals: np.ndarray, spawn: np.ndarray) -> np.ndarray:
    """``[P, G + 1]`` float32: length of the way from the spawn to each way point [m], 0 first.

    Args:
        goals: ``[P, G, 2]`` way points [m]; repeated ones add nothing.
        spawn: ``[P, 3]`` where it begins [m].
    """
    points = np.concatenate([spawn[:, None, :2], goals], axis=1)
    steps = np.linalg.norm(np.diff(points, axis=1), axis=-1)
    return np.concatenate([np.zeros((len(goals), 1)), np.cumsum(steps, axis=1)], axis=1).astype(np.float32)
