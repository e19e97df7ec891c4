"""The robot as the page in the browser draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from parkour.tasks.resolved import ResolvedTask
from parkour.viewing.snapshot import Snapshot
from parkour.viewing.web.shapes import BodyMesh
from parkour_mujoco.viewer.meshes import body_meshes
from parkour_mujoco.viewer.model import COLLISION_GROUP, ViewModel


class MujocoShapes:
    """See :class:`parkour.viewing.web.shapes.RobotShapes`.

    Args:
        task: whose robot it is.
    """

    def __init__(self, task: ResolvedTask) -> None:
        self.view = ViewModel(task)

    def meshes(self) -> Sequence[BodyMesh]:
        return body_meshes(self.view.model, COLLISION_GROUP)

    def poses(self, snapshot: Snapshot) -> Mapping[int, tuple[np.ndarray, np.ndarray]]:
        self.view.pose(snapshot)
        data = self.view.data
        return {body: (data.xpos[body], data.xquat[body]) for body in range(self.view.model.nbody)}
