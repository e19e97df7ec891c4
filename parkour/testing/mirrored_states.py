"""States with left and right exchanged, to hold observation groups to what they say of mirrors."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from parkour.mdp.context import Contacts, Course, GoalState, PreviousStep, Privileged, RobotState, StepContext
from parkour.mdp.mirror import SIDED_COMMANDS, Sides


class MirroredCourse:
    """The mirror images of the patches of another course; see :class:`parkour.mdp.context.Course`."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self.level, self.difficulty, self.terrain = course.level, course.difficulty, course.terrain
        self.flat = course.flat

    def height(self, xy: Tensor) -> Tensor:
        return self._course.height(_across(xy))

    def ceiling(self, xy: Tensor) -> Tensor:
        return self._course.ceiling(_across(xy))

    def edge(self, xy: Tensor) -> Tensor:
        return self._course.edge(_across(xy))


def mirrored_context(ctx: StepContext) -> StepContext:
    """The state of the mirrored robots on the mirrored courses.

    Raises:
        TaskError: the robot has no two sides, see :meth:`parkour.mdp.mirror.Sides.of`.
    """
    sides = Sides.of(ctx.layout)
    joints = sides.joints.on(ctx.device)
    other_leg, other_joint = sides.feet.on(ctx.device).order, joints.order
    contacts, previous, goals, hidden = ctx.contacts, ctx.previous, ctx.goals, ctx.privileged
    depth = None if ctx.depth is None else ctx.depth.flip(-1)
    commands = {name: -value if name in SIDED_COMMANDS else value for name, value in ctx.commands.items()}
    return dataclasses.replace(
        ctx,
        robot=_robot(ctx.robot, sides),
        contacts=Contacts(
            _across(contacts.foot_force[:, other_leg]), _across(contacts.previous_foot_force[:, other_leg]),
            # Bodies stay where they are in the list: their names need no counterparts.
            _across(contacts.body_force),
        ),
        previous=PreviousStep(joints(previous.joint_vel), joints(previous.joint_torque), joints(previous.action)),
        goals=GoalState(goals.index, goals.count, _across(goals.direction), -goals.yaw, -goals.next_yaw),
        course=MirroredCourse(ctx.course),
        privileged=Privileged(
            hidden.added_mass, _across(hidden.com_offset), hidden.friction, hidden.stiffness_scale[:, other_joint],
            hidden.damping_scale[:, other_joint],
        ),
        action=joints(ctx.action),
        depth=depth,
        commands=commands,
    )  # fmt: skip


def _robot(robot: RobotState, sides: Sides) -> RobotState:
    joints, legs = sides.joints.on(robot.yaw.device), sides.feet.on(robot.yaw.device).order
    turn = robot.base_quat.new_tensor([1.0, -1.0, 1.0, -1.0])
    return RobotState(
        base_pos=_across(robot.base_pos),
        base_quat=robot.base_quat * turn,
        base_lin_vel_w=_across(robot.base_lin_vel_w),
        base_lin_vel_b=_across(robot.base_lin_vel_b),
        base_ang_vel_b=-_across(robot.base_ang_vel_b),
        projected_gravity=_across(robot.projected_gravity),
        roll=-robot.roll,
        pitch=robot.pitch,
        yaw=-robot.yaw,
        joint_pos=joints(robot.joint_pos),
        joint_vel=joints(robot.joint_vel),
        joint_torque=joints(robot.joint_torque),
        feet_pos=_across(robot.feet_pos[:, legs]),
    )


def _across(vectors: Tensor) -> Tensor:
    """Places or forces ``[…, 2 or 3]`` on the other side."""
    signs = vectors.new_ones(vectors.shape[-1])
    signs[1] = -1.0
    return vectors * signs


def share_of_unlike(got: Tensor, expected: Tensor) -> float:
    """Share of the numbers that differ; a few may, where rounding decides on which side of an edge a point lies."""
    return (~torch.isclose(got, expected, rtol=1e-4, atol=1e-5)).float().mean().item()
