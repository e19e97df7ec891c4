"""What a link brings from a robot, and what it takes to it. Arrays are in the order of the robot's own messages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parkour_deploy.remote import Remote


@dataclass(frozen=True)
class RobotState:
    """One message of the robot."""

    tick: int
    """The robot's clock [ms]."""
    intact: bool
    """Whether its checksum fits; the rest is not to be believed otherwise."""
    quaternion: np.ndarray
    """``[4]`` orientation of the base (w, x, y, z)."""
    gyroscope: np.ndarray
    """``[3]`` in the base's frame [rad/s]."""
    accelerometer: np.ndarray
    """``[3]`` in the base's frame [m/s²]."""
    joint_pos: np.ndarray
    """``[J]`` [rad]"""
    joint_vel: np.ndarray
    """``[J]`` [rad/s]"""
    torque: np.ndarray
    """``[J]`` as the motors estimate it [N m]."""
    temperature: np.ndarray
    """``[J]`` of the motors [°C]."""
    foot_force: np.ndarray
    """``[F]`` as the sensors say it, in no unit in particular."""
    remote: Remote
    battery_voltage: float
    """[V]"""
    battery_charge: int
    """[%]"""


@dataclass(frozen=True)
class MotorCommand:
    """A position target with gains for every motor; velocities and torques to add are 0."""

    joint_pos: np.ndarray
    """``[J]`` [rad]"""
    stiffness: np.ndarray
    """``[J]`` [N m/rad]"""
    damping: np.ndarray
    """``[J]`` [N m s/rad]"""
    answers: int = 0
    """Tick of the state that it answers."""
