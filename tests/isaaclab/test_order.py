"""A robot whose canonical order is another than the asset's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from parkour.mdp.robot import RobotLayout
from tests.isaaclab.drivers import IsaacDriver, MujocoDriver, Pose, flat_task

pytestmark = [pytest.mark.isaaclab, pytest.mark.slow]

PER_JOINT = ("default_joint_pos", "stiffness", "damping", "effort_limit", "saturation_effort", "velocity_limit")


def _reversed(layout: RobotLayout) -> RobotLayout:
    """The same robot with joints, feet and bodies listed backwards."""
    last = layout.num_joints - 1
    numbers = {name: getattr(layout, name)[::-1] for name in (*PER_JOINT, "joints", "feet", "contact_bodies")}
    bodies = len(layout.contact_bodies) - 1
    return replace(
        layout,
        **numbers,
        hip_joints=tuple(last - index for index in layout.hip_joints),
        penalised_bodies=tuple(bodies - index for index in layout.penalised_bodies),
    )


def test_joints_and_bodies_are_found_by_name(physics: str) -> None:
    """State, motors and the load on each foot are those of the other engine, in the order that was asked for."""
    task = flat_task()
    task = replace(task, robot=_reversed(task.robot))
    mujoco, isaac = MujocoDriver(task, 1), IsaacDriver(task, 1, physics)
    names = isaac.mdp.layout.joints
    assert tuple(isaac.robot.joint_names) != names
    pose = Pose.standing(mujoco.mdp, 0.6)
    pose.joint_pos += 0.02 * torch.arange(12.0)
    pose.joint_vel += 0.1 * torch.arange(12.0)
    target = pose.joint_pos + 0.3 * torch.linspace(-1.0, 1.0, 12)
    for driver in (mujoco, isaac):
        driver.place(pose)
    a, b = mujoco.read().robot, isaac.read().robot
    for field in ("joint_pos", "joint_vel", "feet_pos"):
        torch.testing.assert_close(getattr(b, field), getattr(a, field), atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(isaac.motors(target), mujoco.motors(target), atol=1e-4, rtol=1e-5)
    # With its left legs bent a robot leans to the left, and those feet carry more.
    lean = mujoco.mdp.default_joint_pos.clone()
    lean[[names.index("FL_calf_joint"), names.index("RL_calf_joint")]] -= 0.2
    loads = []
    for driver in (mujoco, isaac):
        driver.place(Pose.standing(driver.mdp, 0.33))
        driver.step(300, target=lean[None])
        loads.append(driver.read().foot_force[0, :, 2])
        driver.close()
    assert mujoco.mdp.layout.feet == ("RR_foot", "RL_foot", "FR_foot", "FL_foot")
    assert abs(float(loads[0][[1, 3]].sum() - loads[0][[0, 2]].sum())) > 5.0
    torch.testing.assert_close(loads[1], loads[0], atol=8.0, rtol=0)
