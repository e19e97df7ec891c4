"""What the page is told of a robot: the shapes of its bodies, and where these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from parkour.viewing.snapshot import Snapshot


@dataclass(frozen=True)
class BodyMesh:
    """Shapes of one body in one colour."""

    body: int
    vertices: np.ndarray
    """``[V, 3]`` in the body's frame [m]."""
    faces: np.ndarray
    """``[F, 3]``."""
    colour: tuple[int, int, int]
    """Red, green, blue, 0 to 255."""
    opacity: float
    flat: bool
    """Whether its faces are flat."""


class RobotShapes(Protocol):
    """A robot as an engine knows it."""

    def meshes(self) -> Sequence[BodyMesh]:
        """Of all bodies; asked for once."""
        ...

    def poses(self, snapshot: Snapshot) -> Mapping[int, tuple[np.ndarray, np.ndarray]]:
        """Position ``[3]`` [m] and quaternion ``[4]`` (w, x, y, z) of every body with a mesh, in the patch's frame.

        ``snapshot`` is of the state that the environment is in now.
        """
        ...
