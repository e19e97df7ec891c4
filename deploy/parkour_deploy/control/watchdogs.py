"""What is wrong with a state, in a line; the limits are the export's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from parkour_deploy.hardware import Limits
from parkour_deploy.joints import JointOrder
from parkour_deploy.orientation import roll_pitch_yaw
from parkour_deploy.robot import RobotState

CORRUPT = 3
"""States with a wrong checksum, one after the other, that are one too many."""
OVERLOADED = 3
"""States with too much torque or speed, likewise: a single one is a spike of the estimate."""
DEAD_BATTERY = 1.0
"""Voltages below this are those of a robot that does not tell [V]."""


@dataclass(frozen=True)
class Body:
    """A state in the policy's joint order."""

    joint_pos: np.ndarray
    joint_vel: np.ndarray
    torque: np.ndarray
    temperature: np.ndarray
    roll: float
    pitch: float
    yaw: float


def body_of(state: RobotState, order: JointOrder) -> Body:
    """The state of a robot's body."""
    roll, pitch, yaw = roll_pitch_yaw(state.quaternion)
    return Body(
        joint_pos=order.to_policy(state.joint_pos),
        joint_vel=order.to_policy(state.joint_vel),
        torque=order.to_policy(state.torque),
        temperature=order.to_policy(state.temperature),
        roll=roll,
        pitch=pitch,
        yaw=yaw,
    )


class Watchdogs:
    """Looks at every state.

    Args:
        limits: of the robot.
        joints: names, in the limits' order.
    """

    def __init__(self, limits: Limits, joints: tuple[str, ...]) -> None:
        self._limits, self._joints = limits, joints
        self._corrupt = self._overloaded = 0

    def corrupt(self) -> str | None:
        """A state came with a wrong checksum."""
        self._corrupt += 1
        if self._corrupt < CORRUPT:
            return None
        return f"{self._corrupt} states with a wrong checksum, one after the other"

    def check(self, state: RobotState, body: Body) -> str | None:
        """What is wrong with an intact state, or None."""
        self._corrupt = 0
        return self._numbers(state) or self._posture(body) or self._load(body) or self._health(state, body)

    def _numbers(self, state: RobotState) -> str | None:
        readings = {
            "orientation": state.quaternion, "gyroscope": state.gyroscope, "joint position": state.joint_pos,
            "joint velocity": state.joint_vel, "torque": state.torque,
        }  # fmt: skip
        for name, values in readings.items():
            if not np.isfinite(values).all():
                return f"a reading is not a number: {name}"
        norm = float(np.linalg.norm(state.quaternion))
        return None if abs(norm - 1.0) < 0.05 else f"the IMU's quaternion has length {norm:.2f}, expected 1"

    def _posture(self, body: Body) -> str | None:
        limits, tilt = self._limits, max(abs(body.roll), abs(body.pitch))
        if tilt > limits.tilt:
            return f"tilted {math.degrees(tilt):.0f}°, limit {math.degrees(limits.tilt):.0f}°"
        beyond = np.maximum(limits.joint_lower - body.joint_pos, body.joint_pos - limits.joint_upper)
        worst = int(beyond.argmax())
        if beyond[worst] > limits.joint_margin:
            low, high = limits.joint_lower[worst], limits.joint_upper[worst]
            return f"{self._joints[worst]} at {body.joint_pos[worst]:.2f} rad, range {low:.2f} to {high:.2f}"
        return None

    def _load(self, body: Body) -> str | None:
        speed, torque = np.abs(body.joint_vel) / self._limits.joint_speed, np.abs(body.torque) / self._limits.torque
        if max(speed.max(), torque.max()) <= 1.0:
            self._overloaded = 0
            return None
        self._overloaded += 1
        if self._overloaded < OVERLOADED:
            return None
        if torque.max() > 1.0:
            worst = int(torque.argmax())
            limit = self._limits.torque[worst]
            return f"{self._joints[worst]} at {abs(body.torque[worst]):.0f} N m, limit {limit:.0f}"
        worst = int(speed.argmax())
        limit = self._limits.joint_speed[worst]
        return f"{self._joints[worst]} at {abs(body.joint_vel[worst]):.0f} rad/s, limit {limit:.0f}"

    def _health(self, state: RobotState, body: Body) -> str | None:
        limits, worst = self._limits, int(body.temperature.argmax())
        if body.temperature[worst] > limits.motor_temperature:
            hot = body.temperature[worst]
            return f"{self._joints[worst]}'s motor at {hot:.0f} °C, limit {limits.motor_temperature:.0f} °C"
        if DEAD_BATTERY < state.battery_voltage < limits.battery_voltage:
            return f"battery at {state.battery_voltage:.1f} V, limit {limits.battery_voltage:.1f} V"
        return None
