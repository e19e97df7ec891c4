"""The depth camera in C MuJoCo: its own renderer, or its own rays where nothing can be rendered."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np

from parkour.tasks.sections import Camera
from parkour_mujoco.physics import COURSE_GROUP

CAMERA = "parkour_depth"
NEAREST = 0.01
"""Distance of the renderer's near plane [m]."""


def mount(spec: mujoco.MjSpec, base_body: str, camera: Camera) -> None:
    """Put the camera on the base, mounted as the task says; it draws the course alone."""
    turn = _turn(2, camera.yaw) @ _turn(1, camera.pitch) @ _turn(0, camera.roll)
    # MuJoCo's cameras look along -z, with x to the right and y up.
    axes = turn @ np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, axes.reshape(-1))
    spec.body(base_body).add_camera(
        name=CAMERA,
        pos=list(camera.position),
        quat=quat,
        focal_pixel=list(_focal_length(camera)),
        # Any sensor will do, of the picture's shape: lengths count in pixels of it.
        sensor_size=[camera.width * 1e-5, camera.height * 1e-5],
        resolution=[camera.width, camera.height],
    )


def _turn(axis: int, angle: float) -> np.ndarray:
    """``[3, 3]`` rotation about x, y or z [rad]."""
    cos, sin = math.cos(angle), math.sin(angle)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[[first, second], [first, second]] = cos
    turn[first, second], turn[second, first] = -sin, sin
    return turn


class DepthCamera:
    """Distances along the rays through the pixels' centres, clipped to the camera's range.

    Args:
        camera: mounting and picture.
        notify: told in a line when rays have to stand in for the renderer.
    """

    def __init__(self, camera: Camera, notify: Callable[[str], None] = lambda line: None) -> None:
        self.camera = camera
        self._notify = notify
        self._renderer: Any = None
        self._model: Any = None
        self._rays = False
        fx, fy = _focal_length(camera)
        across = (np.arange(camera.width) + 0.5 - camera.width / 2) / fx
        down = (np.arange(camera.height) + 0.5 - camera.height / 2) / fy
        self._directions = np.stack(
            np.broadcast_arrays(across[None, :], -down[:, None], np.array(-1.0)), axis=-1
        )  # in the camera's frame, of depth 1
        self._slant = np.linalg.norm(self._directions, axis=-1)
        self._groups = np.array([group == COURSE_GROUP for group in range(6)], np.uint8)

    def capture(self, model: mujoco.MjModel, data: mujoco.MjData, *, rays: bool = False) -> np.ndarray:
        """``[height, width]`` [m], rows from top to bottom; ``rays`` leaves the renderer out."""
        self._follow(model)
        distance = self._cast(model, data) if rays or self._rays else self._render(data)
        return np.minimum(distance, self.camera.range)

    def close(self) -> None:
        """Give the renderer back."""
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = self._model = None

    def _follow(self, model: mujoco.MjModel) -> None:
        """A renderer for another model."""
        if self._model is model:
            return
        self.close()
        self._model = model
        model.vis.map.znear = NEAREST / model.stat.extent
        if self._rays:
            return
        try:
            check_renderer()
            self._renderer = mujoco.Renderer(model, self.camera.height, self.camera.width)
            self._renderer.enable_depth_rendering()
        except Exception as error:  # OpenGL's own errors
            self._rays = True
            self._notify(f"nothing can be rendered here ({type(error).__name__}): depth comes from MuJoCo's rays")

    def _render(self, data: mujoco.MjData) -> np.ndarray:
        options = mujoco.MjvOption()
        options.geomgroup[:] = self._groups
        self._renderer.update_scene(data, CAMERA, options)
        # The renderer measures along the optical axis.
        return self._renderer.render().astype(float) * self._slant

    def _cast(self, model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
        index = model.camera(CAMERA).id
        origin = data.cam_xpos[index].copy()
        unit = self._directions / self._slant[..., None]
        rays = np.ascontiguousarray((unit @ data.cam_xmat[index].reshape(3, 3).T).reshape(-1))
        count = self._slant.size
        hit, distance = np.zeros(count, np.int32), np.zeros(count)
        mujoco.mj_multiRay(
            model, data, origin, rays, self._groups, 1, -1, hit, distance, None, count, self.camera.range
        )
        return np.where(hit >= 0, distance, self.camera.range).reshape(self._slant.shape)


def check_renderer() -> None:
    """Raises RuntimeError where MuJoCo's renderer would end the process: a window system's without a display."""
    context = getattr(mujoco, "GLContext", None) or getattr(mujoco.gl_context, "GLContext", None)
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if context is None or ("glfw" in context.__module__ and sys.platform.startswith("linux") and not display):
        raise RuntimeError("no display, and MUJOCO_GL is not egl or osmesa")


def _focal_length(camera: Camera) -> tuple[float, float]:
    """fx and fy [pixels]."""
    across = camera.width / 2 / math.tan(camera.horizontal_fov / 2)
    upward = across if camera.vertical_fov == "square" else camera.height / 2 / math.tan(camera.vertical_fov / 2)
    return across, upward
