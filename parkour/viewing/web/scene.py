"""Robot, course and markers in the browser."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import viser

from parkour.viewing.follow import Follow
from parkour.viewing.markers import HEADING_COLOUR, HEADING_HEIGHT, UP
from parkour.viewing.snapshot import Snapshot
from parkour.viewing.web.course import CourseScene, light
from parkour.viewing.web.overlays import Overlays
from parkour.viewing.web.shapes import RobotShapes
from parkour.viewing.web.solids import cone, cylinder, merged

CameraMode = Literal["follow", "behind", "free"]
CAMERA_MODES: tuple[CameraMode, ...] = ("follow", "behind", "free")
ROOT = "/world"
FORWARD = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""Turns what points up forward, along x."""


class WebScene:
    """What the browser shows of snapshots.

    The camera belongs to whoever looks. To follow the robot, the world is moved under it: under ``follow`` the robot
    stays in the middle, under ``behind`` it also keeps looking the same way.

    Args:
        server: that the browsers talk to.
        robot: its shapes.
        camera: how to begin.
    """

    def __init__(self, server: viser.ViserServer, robot: RobotShapes, camera: CameraMode) -> None:
        self._scene: Any = server.scene
        self._robot = robot
        self.camera = camera
        self._follow = Follow()
        self._scene.set_up_direction("+z")
        light(self._scene)
        self._world = self._scene.add_frame(ROOT, show_axes=False)
        self._bodies = self._add_robot()
        self.course = CourseScene(self._scene, ROOT)
        self._arrow = self._add_arrow()
        self.overlays = Overlays(self._scene, f"{ROOT}/overlays")
        server.initial_camera.position = (-2.6, -1.6, 1.3) if camera == "follow" else (-2.6, 0.0, 1.2)
        server.initial_camera.look_at = (0.3, 0.0, 0.0)

    def update(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""
        self.course.update(snapshot.boxes, snapshot.goals, snapshot.goal_colours())
        poses = self._robot.poses(snapshot)
        for body, frame in self._bodies.items():
            frame.position, frame.wxyz = poses[body]
        self._show_heading(snapshot)
        self.overlays.update(snapshot)
        self._move_world(snapshot)

    # -- what is added once ------------------------------------------------------------------------------------------

    def _add_robot(self) -> dict[int, Any]:
        frames: dict[int, Any] = {}
        for number, mesh in enumerate(self._robot.meshes()):
            name = f"{ROOT}/robot/{mesh.body}"
            if mesh.body not in frames:
                frames[mesh.body] = self._scene.add_frame(name, show_axes=False)
            self._scene.add_mesh_simple(
                f"{name}/{number}", mesh.vertices, mesh.faces, color=mesh.colour, flat_shading=mesh.flat,
                opacity=mesh.opacity if mesh.opacity < 1.0 else None,
            )  # fmt: skip
        return frames

    def _add_arrow(self) -> Any:
        shaft = cylinder(radius=0.012, height=0.36).placed(np.eye(3), 0.18 * UP)
        tip = cone(radius=0.04, height=0.14).placed(np.eye(3), 0.36 * UP)
        arrow = merged([shaft, tip]).placed(FORWARD, np.zeros(3))
        return self._scene.add_mesh_simple(
            f"{ROOT}/heading", arrow.vertices, arrow.faces, color=HEADING_COLOUR, visible=False
        )

    # -- what changes ------------------------------------------------------------------------------------------------

    def _show_heading(self, snapshot: Snapshot) -> None:
        shown = snapshot.heading is not None
        if self._arrow.visible != shown:
            self._arrow.visible = shown
        if snapshot.heading is not None:
            self._arrow.position = snapshot.base_pos + HEADING_HEIGHT * UP
            self._arrow.wxyz = _yaw(snapshot.heading)

    def _move_world(self, snapshot: Snapshot) -> None:
        target = self._follow.update(snapshot)
        if self.camera == "free":
            return
        yaw = self._follow.yaw if self.camera == "behind" else 0.0
        cos, sin = math.cos(yaw), math.sin(yaw)
        x, y, z = target
        self._world.wxyz = _yaw(-yaw)
        self._world.position = np.array([-(cos * x + sin * y), sin * x - cos * y, -z])


def _yaw(angle: float) -> np.ndarray:
    """Quaternion of a turn about z."""
    return np.array([math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)])
