"""What a real robot has beyond its model: orders of its messages, poses, gains and limits that protect it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parkour_deploy.tables import Table


@dataclass(frozen=True)
class Limits:
    """Where the watchdogs step in. Arrays ``[J]`` in the export's joint order."""

    joint_lower: np.ndarray
    joint_upper: np.ndarray
    """Mechanical range [rad]."""
    joint_margin: float
    """How far beyond its range a joint may read before that is a fault [rad]."""
    joint_speed: np.ndarray
    """[rad/s]"""
    torque: np.ndarray
    """[N m]"""
    tilt: float
    """Of roll or pitch [rad]."""
    motor_temperature: float
    """[°C]"""
    battery_voltage: float
    """The lowest [V]."""


@dataclass(frozen=True)
class Hardware:
    """The robot behind the messages. Poses ``[J]`` in the export's joint order."""

    motors: np.ndarray
    """``[J]`` for each motor in the order of the robot's messages, the index of its joint in the export."""
    feet: np.ndarray
    """``[F]`` for each foot in the order of the robot's messages, its index in the export."""
    lying_joint_pos: np.ndarray
    """[rad]"""
    stand_stiffness: float
    stand_damping: float
    """Gains to stand up and sit down with [N m/rad], [N m s/rad]."""
    limp_damping: float
    """Gain of DAMP, in which motors only resist being moved [N m s/rad]."""
    limits: Limits


def read_hardware(table: Table, joints: int, feet: int) -> Hardware:
    """The table ``hardware`` of ``deploy.toml``.

    Raises:
        ContractError: a value is missing or makes no sense.
    """
    limits = table.table("limits")
    return Hardware(
        motors=table.order("motors", joints),
        feet=table.order("feet", feet),
        lying_joint_pos=table.numbers("lying_joint_pos", joints, -7.0, 7.0),
        stand_stiffness=table.number("stand_stiffness", 0.0, 10_000.0),
        stand_damping=table.number("stand_damping", 0.0, 1000.0),
        limp_damping=table.number("limp_damping", 0.0, 1000.0),
        limits=Limits(
            joint_lower=limits.numbers("joint_lower", joints, -7.0, 7.0),
            joint_upper=limits.numbers("joint_upper", joints, -7.0, 7.0),
            joint_margin=limits.number("joint_margin", 0.0, 3.1416),
            joint_speed=limits.numbers("joint_speed", joints, 0.0, 1000.0),
            torque=limits.numbers("torque", joints, 0.0, 10_000.0),
            tilt=limits.number("tilt", 0.0, 3.1416),
            motor_temperature=limits.number("motor_temperature", 0.0, 200.0),
            battery_voltage=limits.number("battery_voltage", 0.0, 1000.0),
        ),
    )
