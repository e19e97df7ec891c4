"""The robot's motors as Isaac Lab's DC motors, and their gains."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import torch
from isaaclab.actuators import DCMotorCfg
from isaaclab.actuators.newton import read_group_parameter, write_group_parameter
from isaaclab.assets import Articulation
from torch import Tensor

from parkour.mdp.robot import RobotLayout
from parkour_isaaclab.kernels import load_own_kernels_only

UNLIMITED_EFFORT = 1.0e9
"""The solver has no limit of its own [N m]: the motors' is the only one."""
UNLIMITED_SPEED = 1000.0
"""No joint of a legged robot gets there [rad/s]: the motors' torque-speed line is the only limit."""


def motor_cfgs(layout: RobotLayout) -> dict[str, DCMotorCfg]:
    """One group of motors for joints with the same constants. Isaac Lab's clip is that of the tasks.

    No torque beyond the continuous limit nor beyond the torque-speed line, speeds taken into account up to where the
    line reaches minus the limit.
    """
    return {
        name: DCMotorCfg(
            joint_names_expr=joints,
            stiffness=stiffness,
            damping=damping,
            actuator_effort_limit=effort,
            joint_effort_limit=UNLIMITED_EFFORT,
            saturation_effort=saturation,
            actuator_velocity_limit=velocity,
            joint_velocity_limit=UNLIMITED_SPEED,
            armature=armature,
            friction=0.0,
        )
        for name, ((stiffness, damping, effort, saturation, velocity, armature), joints) in _groups(layout).items()
    }


class Motors:
    """The gains of all motors.

    Args:
        robot: all robots, with the motors of :func:`motor_cfgs`.
        layout: the robot.
    """

    def __init__(self, robot: Articulation, layout: RobotLayout) -> None:
        load_own_kernels_only()
        self._motors = robot.actuators
        device = str(robot.device)
        self._stiffness = torch.tensor(layout.stiffness, device=device)
        self._damping = torch.tensor(layout.damping, device=device)
        # Isaac Lab has a group's joints in the order of the asset.
        self._columns = {
            name: torch.tensor(
                [layout.joints.index(joint) for joint in robot.joint_names if joint in joints], device=device
            )
            for name, (_, joints) in _groups(layout).items()
        }

    def scale(self, env_ids: Tensor, stiffness: Tensor, damping: Tensor) -> None:
        """Factors on the nominal gains, ``[M, J]`` each, canonical order."""
        kp, kd = self._stiffness * stiffness, self._damping * damping
        for name, columns in self._columns.items():
            for gain, values in (("kp", kp), ("kd", kd)):
                write_group_parameter(self._motors, name, "controller", gain, values[:, columns], env_ids=env_ids)

    def gains(self) -> tuple[Tensor, Tensor]:
        """``[N, J]`` stiffness [N m / rad] and damping [N m s / rad] as the motors have them, canonical order."""
        found = []
        for gain in ("kp", "kd"):
            parts = {name: read_group_parameter(self._motors, name, "controller", gain) for name in self._columns}
            whole = torch.zeros(len(next(iter(parts.values()))), len(self._stiffness), device=self._stiffness.device)
            for name, columns in self._columns.items():
                whole[:, columns] = parts[name]
            found.append(whole)
        return found[0], found[1]


def _groups(layout: RobotLayout) -> dict[str, tuple[tuple[float, ...], list[str]]]:
    """Constants and joints of each group."""
    groups: dict[tuple[float, ...], list[str]] = {}
    columns = (
        layout.stiffness, layout.damping, layout.effort_limit, layout.saturation_effort, layout.velocity_limit,
        layout.armature,
    )  # fmt: skip
    for joint, constants in zip(layout.joints, zip(*columns, strict=True), strict=True):
        groups.setdefault(constants, []).append(joint)
    return {f"motors_{index}": item for index, item in enumerate(groups.items())}
