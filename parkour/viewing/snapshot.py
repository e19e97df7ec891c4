"""What a viewer draws: one robot on its course, copied to the host."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from parkour.mdp.task_mdp import TaskMdp
from parkour.terrain.palette import height_colours

PARKED_BELOW = -20.0
"""Boxes whose centres are lower than this are unused ones [m]."""


class GoalStatus(Enum):
    """What a way point is to the robot."""

    PASSED = "passed"
    CURRENT = "current"
    NEXT = "next"
    LATER = "later"


GOAL_COLOURS: dict[GoalStatus, tuple[int, int, int]] = {
    GoalStatus.PASSED: (120, 120, 120),
    GoalStatus.CURRENT: (40, 200, 80),
    GoalStatus.NEXT: (250, 180, 30),
    GoalStatus.LATER: (90, 150, 230),
}
"""Red, green, blue of each, 0 to 255."""


@dataclass(frozen=True)
class Snapshot:
    """Arrays are float64 on the host, in the patch's frame, quaternions (w, x, y, z)."""

    env_id: int
    terrain: str
    level: int
    difficulty: float | None
    """None where the terrain's courses do not depend on it."""
    base_pos: np.ndarray
    """``[3]`` [m]."""
    base_quat: np.ndarray
    """``[4]``."""
    yaw: float
    """[rad]"""
    joint_pos: np.ndarray
    """``[J]`` canonical order [rad]."""
    boxes: np.ndarray
    """``[B, 10]`` boxes in use: centre, quaternion, half extents."""
    goals: np.ndarray
    """``[G, 3]`` way points on the ground."""
    goal_index: int
    """The one aimed at; G when all are passed."""
    command: float
    """[m/s]"""
    speed: float
    """Forward speed of the base [m/s]."""
    heading: float | None
    """Where somebody who drives wants the robot to go [rad]; None where way points lead."""
    seconds: float
    """Since the episode's start."""
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(3))
    """``[3]`` of the base [m/s]."""
    feet: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    """``[F, 3]`` centres of the feet [m]."""
    foot_forces: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    """``[F, 3]`` net contact force on each foot [N]."""

    @property
    def course(self) -> str:
        """The terrain, and how difficult it is, in words."""
        return self.terrain if self.difficulty is None else f"{self.terrain}, difficulty {self.difficulty:.2f}"

    def goal_statuses(self) -> list[GoalStatus]:
        """One per way point."""
        named = {0: GoalStatus.CURRENT, 1: GoalStatus.NEXT}
        ahead = [index - self.goal_index for index in range(len(self.goals))]
        return [GoalStatus.PASSED if k < 0 else named.get(k, GoalStatus.LATER) for k in ahead]

    def goal_colours(self) -> np.ndarray:
        """``[G, 3]`` uint8."""
        return np.array([GOAL_COLOURS[status] for status in self.goal_statuses()], np.uint8).reshape(-1, 3)


@torch.inference_mode()
def take_snapshot(mdp: TaskMdp, env_id: int) -> Snapshot:
    """What robot ``env_id`` looks like now."""
    ctx, course = mdp.context, mdp.course
    assert ctx is not None, "no observation has been made yet"
    robot = ctx.robot
    count = int(course.goal_count[env_id])
    heights = course.height(course.goals)[env_id, :count]
    boxes = _host(course.boxes(torch.tensor([env_id], device=course.patch.device))[0])
    drive = mdp.drive
    by_hand = drive is not None and bool(drive.by_hand[env_id])
    terrain = course.library.names[int(course.terrain[env_id])]
    return Snapshot(
        env_id=env_id,
        terrain=terrain,
        level=int(course.level[env_id]),
        difficulty=None if terrain in course.library.ungraded else float(course.difficulty[env_id]),
        base_pos=_host(robot.base_pos[env_id]),
        base_quat=_host(robot.base_quat[env_id]),
        yaw=float(robot.yaw[env_id]),
        joint_pos=_host(robot.joint_pos[env_id]),
        boxes=boxes[boxes[:, 2] > PARKED_BELOW],
        goals=_host(torch.cat([course.goals[env_id, :count], heights[:, None]], dim=-1)),
        goal_index=int(mdp.goals.index[env_id]),
        command=float(ctx.command[env_id]),
        speed=float(robot.base_lin_vel_b[env_id, 0]),
        heading=float(drive.heading[env_id]) if drive is not None and by_hand else None,
        seconds=float(ctx.episode_step[env_id]) * mdp.clock.step_dt,
        velocity=_host(robot.base_lin_vel_w[env_id]),
        feet=_host(robot.feet_pos[env_id]),
        foot_forces=_host(ctx.contacts.foot_force[env_id]),
    )


def _host(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy().astype(np.float64)


def box_colours(boxes: np.ndarray) -> np.ndarray:
    """``[B, 3]`` uint8: the colour of a box's top in :data:`parkour.terrain.palette.PALETTE`.

    Args:
        boxes: ``[B, 10]``, see :attr:`Snapshot.boxes`.
    """
    return height_colours(boxes[:, 2] + boxes[:, 9])
