"""A page in the browser to watch the simulated robot on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import mujoco
import numpy as np

from parkour.viewing.snapshot import PARKED_BELOW, Snapshot
from parkour.viewing.web.scene import WebScene
from parkour.viewing.web.served_page import ServedPage
from parkour.viewing.web.shapes import BodyMesh
from parkour_mujoco.fake_go2.robot import FakeGo2
from parkour_mujoco.viewer.meshes import body_meshes
from parkour_mujoco.viewer.model import COLLISION_GROUP

INTERVAL = 1 / 30
"""Between two pictures [s]."""


class Shapes:
    """See :class:`parkour.viewing.web.shapes.RobotShapes`."""

    def __init__(self, robot: FakeGo2) -> None:
        self._world = robot.world

    def meshes(self) -> Sequence[BodyMesh]:
        return body_meshes(self._world.model, COLLISION_GROUP + 1)

    def poses(self, snapshot: Snapshot) -> Mapping[int, tuple[np.ndarray, np.ndarray]]:
        data = self._world.data
        return {body: (data.xpos[body].copy(), data.xquat[body].copy()) for body in range(self._world.model.nbody)}


class Page(ServedPage):
    """Serves the page to this machine alone, to whoever has its address.

    Args:
        robot: that is shown.
        port: a free one when None.

    Raises:
        EngineError: the port is in use, or the page cannot be protected from other pages.
    """

    def __init__(self, robot: FakeGo2, port: int | None) -> None:
        super().__init__("fake Go2", port)
        self._scene = WebScene(self.server, Shapes(robot), "follow")
        self._text = self.server.gui.add_markdown("")
        self._shown = 0.0
        self(robot)

    def __call__(self, robot: FakeGo2) -> None:
        """Show the robot, if it is time."""
        now = time.monotonic()
        if now - self._shown < INTERVAL:
            return
        self._shown = now
        with self.server.atomic():
            self._scene.update(_snapshot(robot))
        counts = robot.counts
        self._text.content = (
            f"**{robot.patch.name}** {robot.patch.difficulty:.2f}, {robot.seconds:.1f} s  \n"
            f"way points {robot.goals.index} of {len(robot.goals.goals)}  \n"
            f"commands {counts.obeyed}, ignored {counts.corrupt + counts.disabled + counts.torn}"
        )


def _snapshot(robot: FakeGo2) -> Snapshot:
    state, patch = robot.world.settle(), robot.patch
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, state.rotation.reshape(-1))  # pyright: ignore[reportAttributeAccessIssue]
    goals = np.column_stack([patch.goals, patch.height(patch.goals)])
    return Snapshot(
        env_id=0,
        terrain=patch.name,
        level=0,
        difficulty=patch.difficulty,
        base_pos=state.base_pos,
        base_quat=quat,
        yaw=state.yaw,
        joint_pos=state.joint_pos,
        boxes=patch.boxes[patch.boxes[:, 2] > PARKED_BELOW],
        goals=goals,
        goal_index=robot.goals.index,
        command=0.0,
        speed=float(state.lin_vel[0]),
        heading=None,
        seconds=robot.seconds,
    )
