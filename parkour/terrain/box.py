"""The one building block of a course: an oriented box."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Vec3 = tuple[float, float, float]
Quat = tuple[float, float, float, float]
IDENTITY: Quat = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Box:
    """An oriented box in patch coordinates (x forward, y left, z up; the start platform's surface is at z = 0)."""

    center: Vec3
    """Centre [m]."""
    half_size: Vec3
    """Half extents along the box's own axes [m]; all above 0."""
    quat: Quat = IDENTITY
    """Orientation (w, x, y, z)."""
    walkable: bool = True
    """Whether its top is meant to be stepped on; roughness bumps are laid on walkable tops only."""
    overhead: bool = False
    """Whether it hangs over the way, for robots to pass below: it is ceiling, not ground, to height scans and edges."""

    @classmethod
    def slab(
        cls,
        x: tuple[float, float],
        y: tuple[float, float],
        top: float,
        thickness: float = 1.0,
        *,
        roll: float = 0.0,
        walkable: bool = True,
        overhead: bool = False,
    ) -> Box:
        """A box given by the rectangle of its top surface.

        Args:
            x: ends along x [m].
            y: ends along y before the roll [m] (the width stays that of the rectangle, measured on the surface).
            top: height of the middle of the top surface [m].
            thickness: extent below the top [m].
            roll: rotation about x through the middle of the top surface [rad].
            walkable: see :class:`Box`.
            overhead: see :class:`Box`.
        """
        half = thickness / 2
        mid_x, mid_y = (x[0] + x[1]) / 2, (y[0] + y[1]) / 2
        # The surface normal of a box rolled about x is (0, -sin, cos); the centre lies half a thickness below the top.
        center = (mid_x, mid_y + math.sin(roll) * half, top - math.cos(roll) * half)
        quat = (math.cos(roll / 2), math.sin(roll / 2), 0.0, 0.0)
        return cls(center, ((x[1] - x[0]) / 2, (y[1] - y[0]) / 2, half), quat, walkable, overhead)

    def row(self) -> np.ndarray:
        """``[10]`` float: centre, quaternion, half extents; the layout of :attr:`CourseLibrary.boxes`."""
        return np.array([*self.center, *self.quat, *self.half_size])

    def rotation(self) -> np.ndarray:
        """``[3, 3]`` rotation matrix whose columns are the box's axes in patch coordinates."""
        w, x, y, z = self.quat
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
