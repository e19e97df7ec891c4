"""Pictures of Isaac Sim's viewport, for films."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

import numpy as np

from parkour.errors import EngineError
from parkour.viewing.snapshot import Snapshot
from parkour_isaaclab.viewer.markers import markers_of
from parkour_isaaclab.viewer.pointing import Pointing

WARM_UP = 200
"""Renderings in which the first picture must have come: until shaders are compiled, pictures are black."""


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
        self._seen = False

    def picture(self, snapshot: Snapshot) -> np.ndarray:
        self._markers.show(snapshot, self._pointing.origin(snapshot))
        self._pointing.point(snapshot)
        picture = self._env.render()
        for _ in range(WARM_UP):
            if self._seen or picture.any():
                break
            picture = self._env.render()
        else:
            raise EngineError(f"--video: Isaac Sim gave nothing but black pictures in {WARM_UP} renderings")
        self._seen = True
        return picture

    def close(self) -> None:
        """The viewport is the environment's."""
