"""The one engine-neutral state that every term reads.

Each engine has one accessor that fills a :class:`StepContext`; terms never see the engine. All tensors are float32 on
the environment's device unless said otherwise; ``N`` environments, ``J`` joints (canonical order), ``F`` feet,
``B`` contact bodies. Positions are in the patch's own frame, quaternions (w, x, y, z).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from parkour.errors import TaskError
from parkour.mdp.robot import RobotLayout


@dataclass(slots=True)
class RobotState:
    """Kinematics and torques now."""

    base_pos: Tensor
    """``[N, 3]`` base position [m]."""
    base_quat: Tensor
    """``[N, 4]`` base orientation."""
    base_lin_vel_w: Tensor
    """``[N, 3]`` velocity of the base's origin, patch frame [m/s]."""
    base_lin_vel_b: Tensor
    """``[N, 3]`` the same in the base frame [m/s]."""
    base_ang_vel_b: Tensor
    """``[N, 3]`` angular velocity in the base frame [rad/s]."""
    projected_gravity: Tensor
    """``[N, 3]`` unit gravity in the base frame."""
    roll: Tensor
    """``[N]`` [rad], in (-pi, pi]."""
    pitch: Tensor
    """``[N]`` [rad]."""
    yaw: Tensor
    """``[N]`` [rad], in (-pi, pi]."""
    joint_pos: Tensor
    """``[N, J]`` [rad]."""
    joint_vel: Tensor
    """``[N, J]`` [rad/s]."""
    joint_torque: Tensor
    """``[N, J]`` torque applied after the motor's limits [N m]."""
    feet_pos: Tensor
    """``[N, F, 3]`` centres of the feet [m]."""


@dataclass(slots=True)
class Contacts:
    """Net contact forces, patch frame."""

    foot_force: Tensor
    """``[N, F, 3]`` [N]."""
    previous_foot_force: Tensor
    """``[N, F, 3]`` one control step ago [N]."""
    body_force: Tensor
    """``[N, B, 3]`` [N], in the order of ``RobotLayout.contact_bodies``; a foot's force is not in its calf's."""

    def feet_touching(self, threshold: float) -> Tensor:
        """Feet with a force above ``threshold`` [N] now or one control step ago, ``[N, F]`` bool.

        Two steps are looked at because a foot may leave the ground for a moment while it bears the robot.
        """
        return torch.maximum(self.foot_force.norm(dim=-1), self.previous_foot_force.norm(dim=-1)) > threshold


@dataclass(slots=True)
class PreviousStep:
    """What changed since the last control step; zeros after a reset."""

    joint_vel: Tensor
    """``[N, J]`` [rad/s]."""
    joint_torque: Tensor
    """``[N, J]`` [N m]."""
    action: Tensor
    """``[N, J]`` the action before the current one."""


@dataclass(slots=True)
class GoalState:
    """Way points, as of the last update of the goal tracker."""

    index: Tensor
    """``[N]`` int64: the way point aimed at; equal to ``count`` when all are reached."""
    count: Tensor
    """``[N]`` int64: way points of the patch."""
    direction: Tensor
    """``[N, 2]`` unit vector from the base to the current way point."""
    yaw: Tensor
    """``[N]`` yaw to the current way point minus the robot's, wrapped to [-pi, pi) [rad].

    Up to date for rewards and terminations; for observations as of the last perception step.
    """
    next_yaw: Tensor
    """``[N]`` the same for the way point after it."""


class Course(Protocol):
    """The patch under each robot: what it is, and its rasters. See :class:`parkour.terrain.library.CourseState`."""

    level: Tensor
    """``[N]`` int64: row of the field."""
    difficulty: Tensor
    """``[N]`` in [0, 1]."""
    terrain: Tensor
    """``[N]`` int64: index into the task's terrains."""
    flat: Tensor
    """``[N]`` bool: whether the terrain declares itself flat."""

    def height(self, xy: Tensor) -> Tensor:
        """Height of the ground [m] at ``xy`` ``[N, ..., 2]`` (patch frame) → ``[N, ...]``; not of what is overhead."""
        ...

    def ceiling(self, xy: Tensor) -> Tensor:
        """Lowest surface overhead [m] at ``xy`` ``[N, ..., 2]`` → ``[N, ...]``; 10 where nothing hangs there."""
        ...

    def edge(self, xy: Tensor) -> Tensor:
        """Whether ``xy`` ``[N, ..., 2]`` lies on an edge cell → ``[N, ...]`` bool."""
        ...


@dataclass(slots=True)
class Privileged:
    """What the simulator knows and a robot does not: the randomized constants of each environment."""

    added_mass: Tensor
    """``[N, 1]`` [kg]."""
    com_offset: Tensor
    """``[N, 3]`` [m]."""
    friction: Tensor
    """``[N, 1]`` sliding friction coefficient of the feet."""
    stiffness_scale: Tensor
    """``[N, J]`` factor on the proportional gains."""
    damping_scale: Tensor
    """``[N, J]`` factor on the derivative gains."""

    @classmethod
    def nominal(cls, num_envs: int, joints: int, device: str, friction: float = 1.0) -> Privileged:
        """Of robots that are as their model says."""
        ones = lambda: torch.ones(num_envs, joints, device=device)  # noqa: E731
        return cls(
            added_mass=torch.zeros(num_envs, 1, device=device),
            com_offset=torch.zeros(num_envs, 3, device=device),
            friction=torch.full((num_envs, 1), friction, device=device),
            stiffness_scale=ones(),
            damping_scale=ones(),
        )


@dataclass(slots=True)
class StepContext:
    """Everything a term can read at one control step."""

    robot: RobotState
    contacts: Contacts
    previous: PreviousStep
    goals: GoalState
    course: Course
    privileged: Privileged
    command: Tensor
    """``[N]`` commanded forward speed [m/s]."""
    action: Tensor
    """``[N, J]`` the action of this step, clipped to the task's bound; a delayed one counts when it is given."""
    layout: RobotLayout
    default_joint_pos: Tensor
    """``[J]`` [rad]."""
    episode_step: Tensor
    """``[N]`` int64: control steps since the episode's start."""
    max_episode_steps: int
    step_dt: float
    """Control step [s]."""
    perception: Tensor
    """``[N]`` bool: environments whose slow sensors (scan, yaws, depth) refresh at this step."""
    depth: Tensor | None = None
    """``[N, H, W]`` distance along the ray of each pixel [m], clipped at the camera's range; rows from top to bottom,
    columns from left to right. As of each environment's last perception step; None in a task without a camera.
    Changed in place at the next one."""
    depth_ids: Tensor | None = None
    """``[M]`` int64: environments whose ``depth`` is new at this step, each once; M may be 0, and is known
    without a host sync. 0 … N − 1 at the perception steps that all environments share. None without a camera, and for
    rewards and terminations."""
    padded: bool = False
    """Whether ``depth_ids`` is filled up with environments whose ``depth`` is not new, where ``perception`` is False;
    only where all groups that need the camera (``ObservationSpec.needs``), and their modifiers, say that they take
    padding (:class:`parkour.mdp.modifiers.PaddedBatches`). A group that reads it without that need is not asked."""
    commands: Mapping[str, Tensor] = field(default_factory=dict)
    """``[N]`` each: what the task's other command terms ask for, by name; see :meth:`commanded`."""

    def commanded(self, name: str) -> Tensor:
        """``[N]`` what the command term of this name in the task asks for.

        Raises:
            TaskError: the task has no such term.
        """
        if name not in self.commands:
            has = ", ".join(self.commands) or "none"
            raise TaskError(
                f"commands: the task has no command term {name!r} (it has {has}), and a term reads it",
                hint=f"--with command_term:{name}",
            )
        return self.commands[name]

    @property
    def num_envs(self) -> int:
        return self.command.shape[0]

    @property
    def device(self) -> torch.device:
        return self.command.device
