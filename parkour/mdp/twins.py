"""What a numpy twin of a term reads: the state of one robot, without torch.

``parkour sim2sim`` runs without torch. A termination or observation group that names a ``twin`` in its spec is
evaluated there by it, any other by the torch term. Names are those of :class:`parkour.mdp.context.StepContext`, so that
``ctx.robot.base_pos[:, 2] < height`` becomes ``ctx.robot.base_pos[2] < height``: arrays lack the first dimension, and
what has one number per environment there is a Python number here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from parkour.mdp.robot import RobotLayout


@dataclass(frozen=True, slots=True)
class TwinRobot:
    """Kinematics and torques now; see :class:`parkour.mdp.context.RobotState`."""

    base_pos: np.ndarray
    """``[3]`` [m]."""
    base_quat: np.ndarray
    """``[4]`` (w, x, y, z)."""
    base_lin_vel_w: np.ndarray
    """``[3]`` in the patch's frame [m/s]."""
    base_lin_vel_b: np.ndarray
    """``[3]`` in the base frame [m/s]."""
    base_ang_vel_b: np.ndarray
    """``[3]`` in the base frame [rad/s]."""
    projected_gravity: np.ndarray
    """``[3]`` unit gravity in the base frame."""
    roll: float
    pitch: float
    yaw: float
    """[rad]"""
    joint_pos: np.ndarray
    """``[J]`` [rad]."""
    joint_vel: np.ndarray
    """``[J]`` [rad/s]."""
    joint_torque: np.ndarray
    """``[J]`` [N m]."""
    feet_pos: np.ndarray
    """``[F, 3]`` [m]."""


@dataclass(frozen=True, slots=True)
class TwinContacts:
    """Net contact forces; see :class:`parkour.mdp.context.Contacts`."""

    foot_force: np.ndarray
    """``[F, 3]`` [N]."""
    previous_foot_force: np.ndarray
    """``[F, 3]`` one control step ago [N]."""
    body_force: np.ndarray
    """``[B, 3]`` [N]."""

    def feet_touching(self, threshold: float) -> np.ndarray:
        """Feet with a force above ``threshold`` [N] now or one control step ago, ``[F]`` bool."""
        forces = np.stack((self.foot_force, self.previous_foot_force))
        return (np.linalg.norm(forces, axis=-1) > threshold).any(axis=0)


@dataclass(frozen=True, slots=True)
class TwinPreviousStep:
    """The step before; see :class:`parkour.mdp.context.PreviousStep`."""

    joint_vel: np.ndarray
    """``[J]`` [rad/s]."""
    joint_torque: np.ndarray
    """``[J]`` [N m]."""
    action: np.ndarray
    """``[J]``."""


@dataclass(frozen=True, slots=True)
class TwinGoals:
    """Way points; see :class:`parkour.mdp.context.GoalState`."""

    index: int
    count: int
    direction: np.ndarray
    """``[2]`` unit vector to the current way point."""
    yaw: float
    next_yaw: float
    """To the current way point and the next [rad]; for observations as of the last perception step."""


class TwinCourse(Protocol):
    """The patch under the robot; see :class:`parkour.mdp.context.Course`."""

    @property
    def level(self) -> int: ...

    @property
    def difficulty(self) -> float: ...

    @property
    def flat(self) -> bool: ...

    def height(self, xy: np.ndarray) -> np.ndarray:
        """Height of the ground [m] at ``xy`` ``[..., 2]``."""
        ...

    def ceiling(self, xy: np.ndarray) -> np.ndarray:
        """Lowest surface overhead [m] at ``xy`` ``[..., 2]``; 10 where nothing hangs there."""
        ...

    def edge(self, xy: np.ndarray) -> np.ndarray:
        """Whether ``xy`` ``[..., 2]`` lies on an edge."""
        ...


@dataclass(frozen=True, slots=True)
class TwinContext:
    """Everything a twin can read at one control step; see :class:`parkour.mdp.context.StepContext`."""

    robot: TwinRobot
    contacts: TwinContacts
    previous: TwinPreviousStep
    goals: TwinGoals
    course: TwinCourse
    command: float
    """Commanded forward speed [m/s]."""
    action: np.ndarray
    """``[J]`` of this step, clipped."""
    layout: RobotLayout
    default_joint_pos: np.ndarray
    """``[J]`` [rad]."""
    episode_step: int
    max_episode_steps: int
    step_dt: float
    """[s]"""
    perception: bool
    """Whether the slow sensors refresh at this step."""
    depth: np.ndarray | None = None
    """``[H, W]`` distances along the rays [m] as of the last perception step; None without a camera."""
    commands: Mapping[str, float] = field(default_factory=dict)
    """What the task's other command terms ask for, by name."""

    def commanded(self, name: str) -> float:
        """What the command term of this name asks for."""
        return self.commands[name]


@runtime_checkable
class StatefulTwin(Protocol):
    """A twin with memory: made once as ``Target(layout, **params)``."""

    def __call__(self, ctx: TwinContext) -> object:
        """A bool of a termination; ``[size]`` numbers of an observation group, before its clip."""
        ...

    def reset(self) -> None:
        """An episode begins."""
        ...


def make_twin(target: Any, layout: RobotLayout, params: Mapping[str, Any]) -> Callable[[TwinContext], Any]:
    """A twin as it is called: a class is made once, a function takes its parameters with every call.

    Args:
        target: what the spec's ``twin`` names.
        layout: of the robot.
        params: plain values, as ``deploy.toml`` holds them: numbers, text, lists.
    """
    if inspect.isclass(target):
        return cast("type[Any]", target)(layout, **params)
    return partial(target, **params)
