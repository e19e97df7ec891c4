"""A camera that follows a robot without shaking with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from parkour.viewing.snapshot import Snapshot

View = Literal["side", "behind", "front", "above"]
"""Where a camera is that follows: to the robot's right and in front of it, or with its heading."""
VIEWS: tuple[View, ...] = ("side", "behind", "front", "above")
TIME = 0.25
"""Time constant of the position [s]."""
TURN_TIME = 0.6
"""Time constant of the heading [s]."""
JUMP = 1.5
"""A robot that is further away than this was put somewhere else: the camera goes there at once [m]."""
DISTANCE = 2.8
"""From camera to robot [m]."""
SIDE, SIDE_ELEVATION = 55.0, -20.0
"""Azimuth and elevation of a view from the robot's right, in front of it [degrees]."""
BEHIND_ELEVATION = -24.0
"""Elevation of a view along its heading, from behind or from the front [degrees]."""
ABOVE_ELEVATION = -85.0
"""Elevation of a view from above, with the heading upwards [degrees]."""


@dataclass
class Follow:
    """Where the camera looks."""

    target: np.ndarray | None = None
    """``[3]`` in the patch's frame [m]; None before the first update."""
    yaw: float = 0.0
    """Heading of the robot, smoothed [rad]."""
    _time: float = 0.0
    _env_id: int = -1

    def update(self, snapshot: Snapshot) -> np.ndarray:
        """Move on to a snapshot; the target ``[3]``."""
        elapsed = snapshot.seconds - self._time
        known = self.target is not None and self._env_id == snapshot.env_id and elapsed >= 0.0
        self._time, self._env_id = snapshot.seconds, snapshot.env_id
        if self.target is None or not known or float(np.linalg.norm(snapshot.base_pos - self.target)) > JUMP:
            self.target, self.yaw = snapshot.base_pos.copy(), snapshot.yaw
            return self.target
        self.target = self.target + (1.0 - math.exp(-elapsed / TIME)) * (snapshot.base_pos - self.target)
        turn = (snapshot.yaw - self.yaw + math.pi) % (2 * math.pi) - math.pi
        self.yaw += (1.0 - math.exp(-elapsed / TURN_TIME)) * turn
        return self.target

    def angles(self, view: View) -> tuple[float, float]:
        """Azimuth and elevation of the view [degrees]: of the way from the camera to the robot."""
        yaw = math.degrees(self.yaw)
        angles = {
            "side": (SIDE, SIDE_ELEVATION),
            "behind": (yaw, BEHIND_ELEVATION),
            "front": (yaw + 180.0, BEHIND_ELEVATION),
            "above": (yaw, ABOVE_ELEVATION),
        }
        return angles[view]

    def eye(self, view: View) -> np.ndarray:
        """``[3]`` where the camera is, in the patch's frame [m]; after the first update."""
        assert self.target is not None
        azimuth, elevation = (math.radians(angle) for angle in self.angles(view))
        ahead = (math.cos(elevation) * math.cos(azimuth), math.cos(elevation) * math.sin(azimuth), math.sin(elevation))
        return self.target - DISTANCE * np.array(ahead)
