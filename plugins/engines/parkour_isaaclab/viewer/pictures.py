"""A camera for films: the physics' own where it renders, else MuJoCo's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parkour_isaaclab.viewer.borrowed import mujoco_viewing

if TYPE_CHECKING:
    from parkour.tasks.resolved import ResolvedTask
    from parkour.viewing.follow import View
    from parkour.viewing.viewer import PictureCamera
    from parkour_isaaclab.vec_env import IsaacVecEnv

SIZE = (960, 540)
"""Of pictures that are taken while a policy trains: width and height."""


def open_camera(
    env: IsaacVecEnv, task: ResolvedTask, size: tuple[int, int] = SIZE, view: View = "side"
) -> PictureCamera:
    """See :meth:`parkour.viewing.viewer.EngineWithCamera.make_camera`.

    Raises:
        EngineError: nothing can be rendered here.
    """
    if not env.backend.renders:
        return mujoco_viewing("--video").make_camera(env, task, size, view)
    from parkour_isaaclab.viewer.camera import ViewportCamera

    return ViewportCamera(env.unwrapped, size, view)
