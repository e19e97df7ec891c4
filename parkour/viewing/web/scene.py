"""Robot, course and markers in the browser.

Boxes are instances of one unit cube with a pose and a size each. When the robot's course changes, these are sent anew;
no geometry is kept from the course before.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import viser

from parkour.viewing.follow import Follow
from parkour.viewing.markers import BALL_RADIUS, HEADING_COLOUR, HEADING_HEIGHT, POLE_HEIGHT, UP
from parkour.viewing.snapshot import Snapshot, box_colours
from parkour.viewing.web.overlays import Overlays
from parkour.viewing.web.shapes import RobotShapes
from parkour.viewing.web.solids import Mesh, box, cone, cylinder, merged, sphere

CameraMode = Literal["follow", "behind", "free"]
CAMERA_MODES: tuple[CameraMode, ...] = ("follow", "behind", "free")
ROOT = "/world"
NO_TURN = np.array([1.0, 0.0, 0.0, 0.0])
FORWARD = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""Turns what points up forward, along x."""
CUBE = box((1.0, 1.0, 1.0)).unshared()
"""Each face has its own normal."""


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
        self.markers = True
        """Whether way points are shown."""
        self._follow = Follow()
        self._scene.set_up_direction("+z")
        self._light()
        self._world = self._scene.add_frame(ROOT, show_axes=False)
        self._bodies = self._add_robot()
        self._boxes: Any = None
        self._course: np.ndarray | None = None
        self._poles: Any = None
        self._balls: Any = None
        self._goals: np.ndarray | None = None
        self._arrow = self._add_arrow()
        self.overlays = Overlays(self._scene, f"{ROOT}/overlays")
        server.initial_camera.position = (-2.6, -1.6, 1.3) if camera == "follow" else (-2.6, 0.0, 1.2)
        server.initial_camera.look_at = (0.3, 0.0, 0.0)

    def update(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""
        if self._course is None or not np.array_equal(self._course, snapshot.boxes):
            self._show_course(snapshot)
        poses = self._robot.poses(snapshot)
        for body, frame in self._bodies.items():
            frame.position, frame.wxyz = poses[body]
        self._show_goals(snapshot)
        self._show_heading(snapshot)
        self.overlays.update(snapshot)
        self._move_world(snapshot)

    @property
    def boxes(self) -> np.ndarray:
        """``[B, 3]`` centres of the boxes as they are shown."""
        return np.asarray(self._boxes.batched_positions)

    # -- what is added once ------------------------------------------------------------------------------------------

    def _light(self) -> None:
        """A sun with shadows, light from the sky, and the sky: viser's own lights bleach the colours."""
        self._scene.configure_default_lights(enabled=False)
        self._scene.configure_environment_map(hdri=None)
        self._scene.add_light_hemisphere(
            "/lights/sky", sky_color=(235, 242, 255), ground_color=(120, 116, 110), intensity=1.3
        )
        self._scene.add_light_directional(
            "/lights/sun", color=(255, 248, 236), intensity=2.0, cast_shadow=True, position=(-3.0, 4.0, 7.0)
        )
        sky = np.linspace((168, 196, 226), (236, 241, 246), 64).round().astype(np.uint8)
        self._scene.set_background_image(np.repeat(sky[:, None], 2, axis=1), format="png")

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

    def _show_course(self, snapshot: Snapshot) -> None:
        if self._boxes is not None:
            self._boxes.remove()
        self._course = snapshot.boxes.copy()
        boxes = snapshot.boxes
        self._boxes = self._scene.add_batched_meshes_simple(
            f"{ROOT}/course",
            CUBE.vertices,
            CUBE.faces,
            batched_wxyzs=boxes[:, 3:7],
            batched_positions=boxes[:, :3],
            batched_scales=boxes[:, 7:],
            batched_colors=box_colours(boxes),
            flat_shading=True,
            lod="off",
        )

    def _show_goals(self, snapshot: Snapshot) -> None:
        goals = snapshot.goals
        if self._goals is None or not np.array_equal(self._goals, goals):
            for handle in (self._poles, self._balls):
                if handle is not None:
                    handle.remove()
            pole = cylinder(radius=0.012, height=POLE_HEIGHT)
            self._poles = self._add_markers("poles", pole, goals + POLE_HEIGHT / 2 * UP)
            self._balls = self._add_markers("balls", sphere(BALL_RADIUS), goals + POLE_HEIGHT * UP)
            self._goals = goals.copy()
        colours = snapshot.goal_colours()
        for handle in (self._poles, self._balls):
            if not np.array_equal(handle.batched_colors, colours):
                handle.batched_colors = colours
            if handle.visible != self.markers:
                handle.visible = self.markers

    def _add_markers(self, name: str, mesh: Mesh, places: np.ndarray) -> Any:
        return self._scene.add_batched_meshes_simple(
            f"{ROOT}/way_points/{name}",
            mesh.vertices,
            mesh.faces,
            batched_wxyzs=np.tile(NO_TURN, (len(places), 1)),
            batched_positions=places,
            batched_colors=np.full((len(places), 3), 120, np.uint8),
            lod="off",
            cast_shadow=False,
        )

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
