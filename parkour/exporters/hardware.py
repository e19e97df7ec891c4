"""What ``deploy.toml`` says of the real robot, from the table ``hardware`` of its ``robot.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from parkour.errors import TaskError
from parkour.mdp.robot import RobotLayout
from parkour.params import within
from parkour.reading import read_toml
from parkour.tasks.robot import LAYOUT_FILE
from parkour.tasks.sections import Positive, Section
from parkour.tasks.validation import validate

TABLE = "hardware"
_Value = TypeVar("_Value")
Angles = Annotated[tuple[float, ...], within(-7.0, 7.0)]
"""[rad]"""


class LimitsEntry(Section):
    """Where a robot's watchdogs step in; one number per joint in the order of ``robot.joints``."""

    joint_lower: Angles
    joint_upper: Angles
    """Mechanical range [rad]."""
    joint_margin: float = Field(ge=0, le=3.1416)
    """How far beyond its range a joint may read before that is a fault [rad]."""
    joint_speed: Annotated[tuple[float, ...], within(0.0, 1000.0)]
    """[rad/s]"""
    torque: Annotated[tuple[float, ...], within(0.0, 10_000.0)]
    """[N m]"""
    tilt: float = Field(gt=0, le=3.1416)
    """Of roll or pitch [rad]."""
    motor_temperature: float = Field(gt=0, le=200.0)
    """[°C]"""
    battery_voltage: float = Field(gt=0, le=1000.0)
    """The lowest [V]."""


class HardwareEntry(Section):
    """The robot behind its messages."""

    motors: tuple[int, ...]
    """For each motor in the order of the robot's messages, the index of its joint in ``robot.joints``."""
    feet: tuple[int, ...]
    """For each foot sensor in that order, the index of its foot in ``robot.feet``."""
    lying_joint_pos: Angles
    """[rad]"""
    stand_stiffness: Positive
    """To stand up and lie down with [N m/rad]."""
    stand_damping: Positive
    """[N m s/rad]"""
    limp_damping: Positive
    """With which motors only resist being moved [N m s/rad]."""
    limits: LimitsEntry


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _LimitsTable(_Table):
    """By joint name: lower and upper end of its range."""

    joint_range: dict[str, tuple[float, float]]
    joint_margin: Positive
    joint_speed: dict[str, Positive]
    torque: dict[str, Positive]
    tilt: Positive
    motor_temperature: Positive
    battery_voltage: Positive


class _HardwareTable(_Table):
    """The table of ``robot.toml``, joints and feet by name."""

    motors: tuple[str, ...]
    feet: tuple[str, ...]
    lying_joint_pos: dict[str, float]
    stand_stiffness: Positive
    stand_damping: Positive
    limp_damping: Positive = Field(le=10.0)
    limits: _LimitsTable


def read_hardware(folder: Path, layout: RobotLayout) -> HardwareEntry | None:
    """The hardware of the robot in ``folder``, or None for a robot that nothing is said of.

    Values by name stand for every joint whose name contains it: ``hip``, ``thigh``, or a whole name.

    Raises:
        TaskError: a name is unknown, missing, or stands for a joint twice.
    """
    tables = read_toml(folder / LAYOUT_FILE)
    if TABLE not in tables:
        return None
    table = validate(_HardwareTable, tables[TABLE], path=(TABLE,))
    limits, joints = table.limits, layout.joints
    ranges = [_for_joint("limits.joint_range", limits.joint_range, joint) for joint in joints]
    return HardwareEntry(
        motors=_order("motors", table.motors, joints),
        feet=_order("feet", table.feet, layout.feet),
        lying_joint_pos=tuple(_for_joint("lying_joint_pos", table.lying_joint_pos, joint) for joint in joints),
        stand_stiffness=table.stand_stiffness,
        stand_damping=table.stand_damping,
        limp_damping=table.limp_damping,
        limits=LimitsEntry(
            joint_lower=tuple(low for low, _ in ranges),
            joint_upper=tuple(high for _, high in ranges),
            joint_margin=limits.joint_margin,
            joint_speed=tuple(_for_joint("limits.joint_speed", limits.joint_speed, joint) for joint in joints),
            torque=tuple(_for_joint("limits.torque", limits.torque, joint) for joint in joints),
            tilt=limits.tilt,
            motor_temperature=limits.motor_temperature,
            battery_voltage=limits.battery_voltage,
        ),
    )


def _order(key: str, names: tuple[str, ...], known: tuple[str, ...]) -> tuple[int, ...]:
    if sorted(names) != sorted(known):
        raise TaskError(
            f"{LAYOUT_FILE}: {TABLE}.{key}: got {', '.join(names)}, expected each of {', '.join(known)} once"
        )
    return tuple(known.index(name) for name in names)


def _for_joint(key: str, values: Mapping[str, _Value], joint: str) -> _Value:
    found = [name for name in values if name in joint]
    if len(found) != 1:
        got = " and ".join(found) or "nothing"
        raise TaskError(f"{LAYOUT_FILE}: {TABLE}.{key}: got {got} for {joint!r}, expected one part of its name")
    return values[found[0]]
