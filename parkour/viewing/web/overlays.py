"""Arrows over the robot: contact forces and velocities, each shown if somebody wants it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parkour.viewing.markers import (
    COMMAND_COLOUR,
    FORCE_COLOUR,
    FORCE_SCALE,
    HEADING_HEIGHT,
    UP,
    VELOCITY_COLOUR,
    VELOCITY_SCALE,
)
from parkour.viewing.snapshot import Snapshot

SHORTEST = 1e-3
"""An arrow of no length cannot be drawn [m]."""


class Overlays:
    """See the module's text.

    Args:
        scene: of the server.
        root: name under which the arrows are added.
    """

    def __init__(self, scene: Any, root: str) -> None:
        self._scene, self._root = scene, root
        self.forces = False
        """Whether contact forces are shown."""
        self.velocities = False
        """Whether the base's velocity and the commanded one are shown."""
        self._handles: dict[str, Any] = {}

    def update(self, snapshot: Snapshot) -> None:
        """Draw what is wanted."""
        self._show("forces", self.forces and len(snapshot.feet) > 0, *force_arrows(snapshot))
        self._show("velocities", self.velocities, *velocity_arrows(snapshot))

    def _show(self, name: str, shown: bool, points: np.ndarray, colours: np.ndarray) -> None:
        handle = self._handles.get(name)
        if not shown or len(points) == 0:
            if handle is not None and handle.visible:
                handle.visible = False
            return
        if handle is not None and len(handle.points) != len(points):
            handle.remove()
            handle = None
        if handle is None:
            self._handles[name] = self._scene.add_arrows(
                f"{self._root}/{name}", points, colours, shaft_radius=0.012, head_radius=0.03, head_length=0.07
            )
            return
        handle.points = points
        if not handle.visible:
            handle.visible = True


def force_arrows(snapshot: Snapshot) -> tuple[np.ndarray, np.ndarray]:
    """``[F, 2, 3]`` from each foot along its contact force, and colours ``[F, 3]`` uint8."""
    ends = snapshot.feet + np.nan_to_num(snapshot.foot_forces) * FORCE_SCALE
    return _arrows(snapshot.feet, ends, [FORCE_COLOUR] * len(ends))


def velocity_arrows(snapshot: Snapshot) -> tuple[np.ndarray, np.ndarray]:
    """``[2, 2, 3]``: the base's velocity, and the commanded one along its heading; colours ``[2, 3]`` uint8."""
    start = np.tile(snapshot.base_pos + HEADING_HEIGHT * UP, (2, 1))
    ahead = np.array([math.cos(snapshot.yaw), math.sin(snapshot.yaw), 0.0])
    wanted = np.stack([np.nan_to_num(snapshot.velocity), snapshot.command * ahead])
    return _arrows(start, start + VELOCITY_SCALE * wanted, [VELOCITY_COLOUR, COMMAND_COLOUR])


def _arrows(starts: np.ndarray, ends: np.ndarray, colours: Any) -> tuple[np.ndarray, np.ndarray]:
    """Each long enough to be drawn."""
    short = np.linalg.norm(ends - starts, axis=-1, keepdims=True) < SHORTEST
    ends = np.where(short, starts + SHORTEST * UP, ends)
    return np.stack([starts, ends], axis=1).astype(np.float32), np.array(colours, np.uint8).reshape(-1, 3)
