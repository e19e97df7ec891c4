"""Way points, and the heading that is driven, drawn into Isaac Sim's stage."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import isaaclab.sim as sim_utils
import numpy as np
from isaaclab.envs import ManagerBasedEnv
from isaaclab.markers import VisualizationMarkers, VisualizationMarkersCfg

from parkour.viewing.markers import BALL_RADIUS, HEADING_COLOUR, HEADING_HEIGHT, POLE_HEIGHT, UP
from parkour.viewing.snapshot import GOAL_COLOURS, GoalStatus, Snapshot

STATUSES = tuple(GoalStatus)
SHAFT, TIP = 0.36, 0.14
"""Lengths of the heading's arrow [m]."""
NO_TURN = (0.0, 0.0, 0.0, 1.0)
"""Isaac Lab has w last."""

_drawn: WeakKeyDictionary[ManagerBasedEnv, Markers] = WeakKeyDictionary()


def markers_of(env: ManagerBasedEnv) -> Markers:
    """Those of an environment, for whoever shows it."""
    if env not in _drawn:
        _drawn[env] = Markers()
    return _drawn[env]


class Markers:
    """Poles with a ball on top where the way points are, in their colours, and an arrow over who is driven."""

    def __init__(self) -> None:
        shapes: dict[str, sim_utils.SpawnerCfg] = {}
        for status in STATUSES:
            paint = _paint(GOAL_COLOURS[status])
            shapes[f"ball_{status.value}"] = sim_utils.SphereCfg(radius=BALL_RADIUS, visual_material=paint)
            shapes[f"pole_{status.value}"] = sim_utils.CylinderCfg(
                radius=0.012, height=POLE_HEIGHT, axis="Z", visual_material=paint
            )
        red = _paint(HEADING_COLOUR)
        shapes["shaft"] = sim_utils.CylinderCfg(radius=0.012, height=SHAFT, axis="X", visual_material=red)
        shapes["tip"] = sim_utils.ConeCfg(radius=0.04, height=TIP, axis="X", visual_material=red)
        self._kinds = {name: number for number, name in enumerate(shapes)}
        self._markers = VisualizationMarkers(VisualizationMarkersCfg(prim_path="/Visuals/parkour", markers=shapes))

    def show(self, snapshot: Snapshot, origin: np.ndarray) -> None:
        """Those of a snapshot.

        Args:
            snapshot: of one robot.
            origin: ``[3]`` where its patch has its origin in the world [m].
        """
        kinds, places, turns = [], [], []
        for goal, status in zip(snapshot.goals, snapshot.goal_statuses(), strict=True):
            kinds += [self._kinds[f"ball_{status.value}"], self._kinds[f"pole_{status.value}"]]
            places += [goal + POLE_HEIGHT * UP, goal + POLE_HEIGHT / 2 * UP]
            turns += [NO_TURN, NO_TURN]
        if snapshot.heading is not None:
            ahead = np.array([math.cos(snapshot.heading), math.sin(snapshot.heading), 0.0])
            start = snapshot.base_pos + HEADING_HEIGHT * UP
            kinds += [self._kinds["shaft"], self._kinds["tip"]]
            places += [start + SHAFT / 2 * ahead, start + (SHAFT + TIP / 2) * ahead]
            turns += 2 * [(0.0, 0.0, math.sin(snapshot.heading / 2), math.cos(snapshot.heading / 2))]
        self._markers.visualize(
            translations=(np.array(places).reshape(-1, 3) + origin).astype(np.float32),
            orientations=np.array(turns, np.float32).reshape(-1, 4),
            marker_indices=np.array(kinds, np.int32),
        )


def _paint(colour: tuple[int, int, int]) -> sim_utils.PreviewSurfaceCfg:
    red, green, blue = ((part / 255) ** 2.2 for part in colour)
    return sim_utils.PreviewSurfaceCfg(diffuse_color=(red, green, blue), emissive_color=(red / 4, green / 4, blue / 4))
