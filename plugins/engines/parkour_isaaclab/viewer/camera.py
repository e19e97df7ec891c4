"""Pictures of Isaac Sim's viewport, for films."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import numpy as np
from isaaclab.envs import ManagerBasedRLEnv

from parkour.errors import EngineError
from parkour.viewing.snapshot import Snapshot
from parkour_isaaclab.viewer.markers import markers_of
from parkour_isaaclab.viewer.pointing import Pointing

WARM_UP = 200
"""Renderings in which the first picture must have come: until shaders are compiled, pictures are black."""

_warm: WeakSet[ManagerBasedRLEnv] = WeakSet()
"""Environments whose pictures have come."""


class ViewportCamera:
    """See :class:`parkour.viewing.viewer.PictureCamera`.

    Args:
        env: Isaac Lab's environment, made to be rendered.
        size: width and height.
        behind: look along the robot's heading, from behind; else from one side.

    Raises:
        EngineError: Isaac Sim runs without rendering.
    """

    def __init__(self, env: Any, size: tuple[int, int], behind: bool) -> None:
        if env.render_mode != "rgb_array" or env.sim.render_mode < env.sim.RenderMode.PARTIAL_RENDERING:
            raise EngineError("--video: Isaac Sim was started without cameras", hint="start it anew")
        # Read when the first picture is asked for.
        env.cfg.viewer.resolution = size
        self._env, self._pointing, self._markers = env, Pointing(env, behind), markers_of(env)

    def picture(self, snapshot: Snapshot) -> np.ndarray:
        self._markers.show(snapshot, self._pointing.origin(snapshot))
        self._pointing.point(snapshot)
        return next_picture(self._env)

    def close(self) -> None:
        """The viewport is the environment's."""


def next_picture(env: ManagerBasedRLEnv) -> np.ndarray:
    """``[height, width, 3]`` uint8 of the viewport; the first one comes when it is no longer black.

    Args:
        env: made to be rendered.

    Raises:
        EngineError: no picture comes.
    """
    picture = env.render()
    for _ in range(WARM_UP):
        if env in _warm or picture.any():
            _warm.add(env)
            return picture
        picture = env.render()
    raise EngineError(f"Isaac Sim gave nothing but black pictures in {WARM_UP} renderings")
