"""Proprioception, and where the robot is to go."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.mirror import each_foot, joint_angles, opposite, rotation, same
from parkour.mdp.robot import RobotLayout
from parkour_observations.fields import Entry, EntryGroup, entry, reserved

YAW_FIELDS = ("goal_yaw", "next_goal_yaw")
"""The fields that come from the way points, which a robot with a camera must predict."""


def proprioception_entries(
    layout: RobotLayout, *, ang_vel_scale: float, joint_vel_scale: float, contact_force: float
) -> tuple[Entry, ...]:
    """The block's fields in order: 53 numbers for a robot of 12 joints and 4 feet.

    Feet read 0.5 in contact and -0.5 in the air.
    """
    joints, feet = layout.num_joints, layout.num_feet
    goal_yaw, next_goal_yaw = YAW_FIELDS

    def touching(ctx: StepContext) -> Tensor:
        return ctx.contacts.feet_touching(contact_force).to(ctx.command.dtype) - 0.5

    return (
        entry("base_ang_vel", 3, rotation, lambda ctx: ctx.robot.base_ang_vel_b, scale=ang_vel_scale, unit="rad/s"),
        entry("roll", 1, opposite, lambda ctx: ctx.robot.roll, unit="rad"),
        entry("pitch", 1, same, lambda ctx: ctx.robot.pitch, unit="rad"),
        reserved("reserved_yaw", 1),
        entry(goal_yaw, 1, opposite, lambda ctx: ctx.goals.yaw, unit="rad"),
        entry(next_goal_yaw, 1, opposite, lambda ctx: ctx.goals.next_yaw, unit="rad"),
        reserved("reserved_command", 2),
        entry("command", 1, same, lambda ctx: ctx.command, unit="m/s"),
        entry("not_flat", 1, same, lambda ctx: (~ctx.course.flat).to(ctx.command.dtype)),
        entry("flat", 1, same, lambda ctx: ctx.course.flat.to(ctx.command.dtype)),
        entry("joint_pos", joints, joint_angles, lambda ctx: ctx.robot.joint_pos - ctx.default_joint_pos, unit="rad"),
        entry("joint_vel", joints, joint_angles, lambda ctx: ctx.robot.joint_vel, scale=joint_vel_scale, unit="rad/s"),
        entry("last_action", joints, joint_angles, lambda ctx: ctx.action),
        entry("foot_contact", feet, each_foot, touching),
    )


class Proprioception(EntryGroup):
    """Group ``proprioception``, ``[N, P]``: see :func:`proprioception_entries`."""

    scales: tuple[float, float, float]
    """Factors on angular and joint velocities, and the force from which feet touch something."""

    def __init__(
        self, num_envs: int, device: str | torch.device, layout: RobotLayout, *,
        ang_vel_scale: float, joint_vel_scale: float, contact_force: float,
    ) -> None:  # fmt: skip
        self.scales = ang_vel_scale, joint_vel_scale, contact_force
        self.entries = proprioception_entries(
            layout, ang_vel_scale=ang_vel_scale, joint_vel_scale=joint_vel_scale, contact_force=contact_force
        )
