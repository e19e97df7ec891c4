"""Both engines against what mechanics says: falling, standing, a torque's acceleration, sliding friction."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from tests.isaaclab.drivers import DRIVERS, GRAVITY, STEP, Driver, Pose, flat_task, slope_task

pytestmark = [pytest.mark.isaaclab, pytest.mark.slow]

ANGLE = math.radians(10.0)
"""Of the slope."""


@pytest.fixture(params=list(DRIVERS))
def level(request: pytest.FixtureRequest) -> Iterator[Driver]:
    driver = DRIVERS[request.param](flat_task(), 2)
    yield driver
    driver.close()


@pytest.fixture(params=list(DRIVERS))
def slope(request: pytest.FixtureRequest) -> Iterator[Driver]:
    driver = DRIVERS[request.param](slope_task(ANGLE), 2)
    yield driver
    driver.close()


def test_falls_stands_and_turns_its_joints_as_mechanics_says(level: Driver) -> None:
    """One environment for several checks: to make one takes seconds."""
    _falls_freely(level)
    _touches_with_feet_that_are_down(level)
    _bears_its_weight(level)
    for joint in (0, 5, 10):
        _accelerates_by_its_inertia(level, joint)


def test_slides_where_friction_is_less_than_the_slope(slope: Driver) -> None:
    """Coulomb: at rest as long as tan(angle) is below the coefficient; else an acceleration of the difference."""
    assert math.tan(ANGLE) < 0.6
    slope.set_friction(0.6)
    before, after = _stand_on_slope(slope, seconds=0.6)
    assert (after[1] - before[1]).abs().max() < 0.02, "feet slip"
    slope.set_friction(0.05)
    (velocity, _), (later, _) = _stand_on_slope(slope, seconds=0.2)
    expected = GRAVITY * (math.sin(ANGLE) - 0.05 * math.cos(ANGLE))
    measured = (later - velocity) / 0.2
    np.testing.assert_allclose(measured.numpy(), expected, rtol=0.1)


def _falls_freely(level: Driver) -> None:
    level.place(Pose.standing(level.mdp, 2.0))
    level.step(20)
    robot = level.read().robot
    torch.testing.assert_close(robot.base_lin_vel_w[:, 2], torch.full((2,), -GRAVITY * 20 * STEP), rtol=1e-3, atol=0)
    torch.testing.assert_close(robot.joint_pos, level.mdp.default_joint_pos.repeat(2, 1), rtol=0, atol=1e-3)


def _touches_with_feet_that_are_down(level: Driver) -> None:
    """Feet two millimetres above the ground have no contact yet; once down, they have one."""
    radius = 0.022
    pose = Pose.standing(level.mdp, 1.0)
    level.place(pose)
    pose.pos[:, 2] += 0.002 + radius - level.read().robot.feet_pos[..., 2].min()
    level.place(pose)
    level.step(1)
    assert level.read().foot_force.abs().max() == 0
    level.step(60, target=level.mdp.default_joint_pos.repeat(2, 1))
    seen = level.read()
    assert (seen.robot.feet_pos[..., 2] - radius < 1e-3).all()
    assert (seen.foot_force.norm(dim=-1) > 2.0).all()


def _bears_its_weight(level: Driver) -> None:
    """At rest the feet carry what the robot weighs, and nothing else touches."""
    level.place(Pose.standing(level.mdp, 0.32))
    level.step(300, target=level.mdp.default_joint_pos.repeat(2, 1))
    seen = level.read()
    weight = _model().body_mass.sum() * GRAVITY
    np.testing.assert_allclose(seen.foot_force[..., 2].sum(dim=-1).numpy(), weight, rtol=0.01)
    assert (seen.foot_force[..., 2] > 10.0).all()
    assert seen.body_force.abs().max() == 0
    # It still leans forward a little: its centre of mass is not over the middle of its feet.
    assert seen.robot.base_lin_vel_w.abs().max() < 0.05


def _accelerates_by_its_inertia(level: Driver, joint: int) -> None:
    """A torque on one joint of a falling robot turns it by the inverse of the mass matrix, armature included."""
    model = _model()
    data = mujoco.MjData(model)
    names = level.mdp.layout.joints
    data.qpos[3] = 1.0
    for name, angle in zip(names, level.mdp.layout.default_joint_pos, strict=True):
        data.qpos[model.joint(name).qposadr[0]] = angle
    mujoco.mj_forward(model, data)
    inertia = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, inertia)
    dof = int(model.joint(names[joint]).dofadr[0])
    expected = np.linalg.inv(inertia)[dof, dof] * 1.0
    level.place(Pose.standing(level.mdp, 2.0))
    torque = torch.zeros(2, len(names))
    torque[:, joint] = 1.0
    level.step(1, torque=torque)
    measured = level.read().robot.joint_vel[:, joint] / STEP
    np.testing.assert_allclose(measured.numpy(), expected, rtol=0.03, err_msg=names[joint])


def _stand_on_slope(slope: Driver, seconds: float) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The robot upright on the slope, settled for a moment; speed along it and feet positions, before and after."""
    down = torch.tensor([0.0, -math.cos(ANGLE), -math.sin(ANGLE)])
    normal = torch.tensor([0.0, -math.sin(ANGLE), math.cos(ANGLE)])
    pose = Pose.standing(slope.mdp, 0.0)
    pose.pos += 0.30 * normal
    pose.quat[:] = torch.tensor([math.cos(ANGLE / 2), math.sin(ANGLE / 2), 0.0, 0.0])
    slope.place(pose)
    target = slope.mdp.default_joint_pos.repeat(2, 1)
    slope.step(40, target=target)
    states = []
    for _ in range(2):
        robot = slope.read().robot
        states.append([robot.base_lin_vel_w @ down, robot.feet_pos.clone()])
        slope.step(round(seconds / STEP), target=target)
    return states[0], states[1]


def _model() -> mujoco.MjModel:
    from parkour.tasks.robot import load_robot

    return mujoco.MjModel.from_xml_path(str(Path(load_robot("go2")[1]) / "go2.xml"))
