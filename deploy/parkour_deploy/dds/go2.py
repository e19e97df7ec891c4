"""From a Go2's bytes to states, and from commands to bytes."""

from __future__ import annotations

import numpy as np

from parkour_deploy.dds.layout import COMMAND, STATE, Message, intact, new_command, read
from parkour_deploy.remote import Remote
from parkour_deploy.robot import MotorCommand, RobotState

JOINTS = 12


def decode_state(data: bytes) -> RobotState:
    """A message of rt/lowstate."""
    with np.errstate(invalid="ignore"):  # Of damaged ones, whose checksum says so; the log of a robot has no warnings.
        return _state(data)


def _state(data: bytes) -> RobotState:
    fields = read(data, STATE)
    motor = fields["motor"][:JOINTS]
    return RobotState(
        tick=int(fields["tick"]),
        intact=intact(data),
        quaternion=fields["quaternion"].astype(float),
        gyroscope=fields["gyroscope"].astype(float),
        accelerometer=fields["accelerometer"].astype(float),
        joint_pos=motor["q"].astype(float),
        joint_vel=motor["dq"].astype(float),
        torque=motor["tau_est"].astype(float),
        temperature=motor["temperature"].astype(float),
        foot_force=fields["foot_force"].astype(float),
        remote=Remote.unpack(fields["remote"]),
        battery_voltage=float(fields["power_v"]),
        battery_charge=int(fields["soc"]),
    )


class CommandEncoder:
    """Fills one message over and over.

    Args:
        echo: say in the message's reserve which state it answers; a simulated robot measures with that.
    """

    def __init__(self, *, echo: bool = False) -> None:
        self._message: Message = new_command()
        self._echo = echo

    def __call__(self, command: MotorCommand) -> bytes:
        """A message of rt/lowcmd."""
        motor = self._message.fields["motor"]
        motor["q"][0, :JOINTS] = command.joint_pos
        motor["kp"][0, :JOINTS] = command.stiffness
        motor["kd"][0, :JOINTS] = command.damping
        if self._echo:
            self._message.fields["reserve"] = command.answers
        return self._message.seal()


def decode_command(data: bytes) -> np.void:
    """A message of rt/lowcmd; see :data:`parkour_deploy.dds.layout.COMMAND`."""
    return read(data, COMMAND)
