"""A course in the browser: boxes, way points, light and sky.

Boxes are instances of one unit cube with a pose and a size each. When the course changes, these are sent anew; no
geometry is kept from the course before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from parkour.viewing.markers import BALL_RADIUS, POLE_HEIGHT, UP
from parkour.viewing.snapshot import box_colours
from parkour.viewing.web.solids import Mesh, box, cylinder, sphere

NO_TURN = np.array([1.0, 0.0, 0.0, 0.0])
CUBE = box((1.0, 1.0, 1.0)).unshared()
"""Each face has its own normal."""


def light(scene: Any) -> None:
    """A sun with shadows, light from the sky, and the sky: viser's own lights bleach the colours."""
    scene.configure_default_lights(enabled=False)
    scene.configure_environment_map(hdri=None)
    scene.add_light_hemisphere("/lights/sky", sky_color=(235, 242, 255), ground_color=(120, 116, 110), intensity=1.3)
    scene.add_light_directional(
        "/lights/sun", color=(255, 248, 236), intensity=2.0, cast_shadow=True, position=(-3.0, 4.0, 7.0)
    )
    sky = np.linspace((168, 196, 226), (236, 241, 246), 64).round().astype(np.uint8)
    scene.set_background_image(np.repeat(sky[:, None], 2, axis=1), format="png")


class CourseScene:
    """Shows one course at a time.

    Args:
        scene: of the server.
        root: name under which it is added.
    """

    def __init__(self, scene: Any, root: str) -> None:
        self._scene, self._root = scene, root
        self.markers = True
        """Whether way points are shown."""
        self._boxes: Any = None
        self._shown: np.ndarray | None = None
        self._poles: Any = None
        self._balls: Any = None
        self._goals: np.ndarray | None = None

    def update(self, boxes: np.ndarray, goals: np.ndarray, colours: np.ndarray) -> None:
        """Show a course, if it is another one.

        Args:
            boxes: ``[B, 10]``, see :attr:`parkour.viewing.snapshot.Snapshot.boxes`.
            goals: ``[G, 3]`` way points on the ground.
            colours: ``[G, 3]`` uint8 of those.
        """
        if self._shown is None or not np.array_equal(self._shown, boxes):
            self._show_boxes(boxes)
        self._show_goals(goals, colours)

    @property
    def boxes(self) -> np.ndarray:
        """``[B, 3]`` centres of the boxes as they are shown."""
        return np.asarray(self._boxes.batched_positions)

    def _show_boxes(self, boxes: np.ndarray) -> None:
        if self._boxes is not None:
            self._boxes.remove()
        self._shown = boxes.copy()
        self._boxes = self._scene.add_batched_meshes_simple(
            f"{self._root}/course",
            CUBE.vertices,
            CUBE.faces,
            batched_wxyzs=boxes[:, 3:7],
            batched_positions=boxes[:, :3],
            batched_scales=boxes[:, 7:],
            batched_colors=box_colours(boxes),
            flat_shading=True,
            lod="off",
        )

    def _show_goals(self, goals: np.ndarray, colours: np.ndarray) -> None:
        if self._goals is None or not np.array_equal(self._goals, goals):
            for handle in (self._poles, self._balls):
                if handle is not None:
                    handle.remove()
            pole = cylinder(radius=0.012, height=POLE_HEIGHT)
            self._poles = self._add_markers("poles", pole, goals + POLE_HEIGHT / 2 * UP)
            self._balls = self._add_markers("balls", sphere(BALL_RADIUS), goals + POLE_HEIGHT * UP)
            self._goals = goals.copy()
        for handle in (self._poles, self._balls):
            if not np.array_equal(handle.batched_colors, colours):
                handle.batched_colors = colours
            if handle.visible != self.markers:
                handle.visible = self.markers

    def _add_markers(self, name: str, mesh: Mesh, places: np.ndarray) -> Any:
        return self._scene.add_batched_meshes_simple(
            f"{self._root}/way_points/{name}",
            mesh.vertices,
            mesh.faces,
            batched_wxyzs=np.tile(NO_TURN, (len(places), 1)),
            batched_positions=places,
            batched_colors=np.full((len(places), 3), 120, np.uint8),
            lod="off",
            cast_shadow=False,
        )
