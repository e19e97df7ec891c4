"""Pictures without a display."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import os

import mujoco
import numpy as np

from parkour.errors import EngineError
from parkour.tasks.resolved import ResolvedTask
from parkour.viewing.follow import DISTANCE, Follow, View
from parkour.viewing.snapshot import Snapshot
from parkour_mujoco.sim2sim.depth import check_renderer
from parkour_mujoco.viewer.model import ViewModel, draw_markers, scene_options

HINT = "install EGL (Debian, Ubuntu: apt install libegl1), unset MUJOCO_GL; or watch with --viewer web"


class FollowCamera:
    """See :class:`parkour.viewing.viewer.PictureCamera`.

    Args:
        task: what is seen.
        size: width and height.
        view: where it is.

    Raises:
        EngineError: nothing can be rendered here.
    """

    def __init__(self, task: ResolvedTask, size: tuple[int, int], view: View) -> None:
        self._model = ViewModel(task, size)
        # Without a GL library MuJoCo was imported without a renderer (:mod:`parkour_mujoco.launch`).
        if os.environ.get("MUJOCO_GL", "").lower() in ("disabled", "disable", "off", "false", "0"):
            raise EngineError("nothing can be rendered here (no EGL, or MUJOCO_GL says so)", hint=HINT)
        try:
            check_renderer()
            self._renderer = mujoco.Renderer(self._model.model, size[1], size[0])
        except Exception as error:  # OpenGL's own errors
            raise EngineError(f"nothing can be rendered here ({_short(error)})", hint=HINT) from None
        self._camera = mujoco.MjvCamera()
        self._follow = Follow()
        self._from: View = view
        self._options = scene_options()

    def picture(self, snapshot: Snapshot) -> np.ndarray:
        self._model.pose(snapshot)
        place_camera(self._camera, self._follow, snapshot, self._from)
        self._renderer.update_scene(self._model.data, self._camera, self._options)
        draw_markers(self._renderer.scene, snapshot)
        return self._renderer.render()

    def close(self) -> None:
        self._renderer.close()


def place_camera(camera: mujoco.MjvCamera, follow: Follow, snapshot: Snapshot, view: View) -> None:
    """Point a free camera at the robot."""
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE.value
    camera.lookat[:] = follow.update(snapshot)
    camera.distance = DISTANCE
    camera.azimuth, camera.elevation = follow.angles(view)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
