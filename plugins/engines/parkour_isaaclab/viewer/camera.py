"""Pictures of Isaac Sim's viewport, for films."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

import numpy as np

from parkour.errors import EngineError
from parkour.viewing.follow import View
from parkour.viewing.snapshot import Snapshot
from parkour_isaaclab.viewer.kit import kit_view
from parkour_isaaclab.viewer.markers import markers_of
from parkour_isaaclab.viewer.pointing import Pointing

WARM_UP = 200
"""Renderings in which the first picture must have come: until shaders are compiled, pictures are black."""


class ViewportCamera:
    """See :class:`parkour.viewing.viewer.PictureCamera`.

    Args:
        env: Isaac Lab's environment, made to be rendered.
        size: width and height.
        view: where it is.

    Raises:
        EngineError: Isaac Sim runs without rendering.
    """

    def __init__(self, env: Any, size: tuple[int, int], view: View) -> None:
        self._view = kit_view(env, "--video")
        # Read when the first picture is asked for.
        self._view.cfg.window_width, self._view.cfg.window_height = size
        self._pointing, self._markers = Pointing(env, view), markers_of(env)
        self._warm = False

    def picture(self, snapshot: Snapshot) -> np.ndarray:
        """The first one comes when it is no longer black.

        Raises:
            EngineError: no picture comes.
        """
        self._markers.show(snapshot, self._pointing.origin(snapshot))
        self._pointing.point(snapshot)
        for _ in range(1 if self._warm else WARM_UP):
            picture = self._view.render_rgb_array()
            self._warm = self._warm or bool(picture.any())
            if self._warm:
                return picture
        raise EngineError(f"Isaac Sim gave nothing but black pictures in {WARM_UP} renderings")

    def close(self) -> None:
        """The viewport is the environment's."""
