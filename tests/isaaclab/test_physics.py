"""Both engines against what mechanics says: falling, standing, a torque's acceleration, sliding friction."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from tests.isaaclab.drivers import GRAVITY, STEP, Driver, Pose, flat_task, make_driver, slope_task

pytestmark = [pytest.mark.isaaclab, pytest.mark.slow]


@pytest.fixture(params=["mujoco", "isaaclab"])
def simulator(request: pytest.FixtureRequest, physics: str) -> str:
    return "mujoco" if request.param == "mujoco" else physics


@pytest.fixture
def level(simulator: str) -> Iterator[Driver]:
    driver = make_driver(simulator, flat_task(), 2)
    yield driver
    driver.close()


def test_falls_stands_and_turns_its_joints_as_mechanics_says(level: Driver) -> None:
    """One environment for several checks: to make one takes seconds."""
    _falls_freely(level)
    _touches_with_feet_that_are_down(level)
    _bears_its_weight(level)
    for joint in (0, 5, 10):
        _accelerates_by_its_inertia(level, joint)


@pytest.mark.parametrize("slope", [0.45, 1.3])
def test_a_robot_slides_where_friction_is_less_than_the_slope(simulator: str, slope: float) -> None:
    """Coulomb's cone: at rest as long as the slope is below the coefficient, else the difference accelerates.

    A robot that lies on its belly: it does not tip over.
    """
    angle, coefficients = math.atan(slope), torch.tensor([0.3, 0.6, 1.0])
    driver = make_driver(simulator, slope_task(angle), len(coefficients))
    try:
        driver.set_friction(coefficients)
        early, late = _lie_on_slope(driver, angle, seconds=0.2)
    finally:
        driver.close()
    slides = coefficients < slope
    assert (late[~slides].abs() < 0.05).all(), (early, late)
    acceleration = (late - early) / 0.2
    measured = slope - acceleration / (GRAVITY * math.cos(angle))
    # Legs and belly share the load anew in every step, so a little is lost.
    np.testing.assert_allclose(measured[slides].numpy(), coefficients[slides].numpy(), rtol=0.08)


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


def _lie_on_slope(slope: Driver, angle: float, seconds: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The robot with folded legs on the slope, settled for a moment; ``[N]`` speed along it, before and after.

    It looks downhill: across, its round trunk would roll.
    """
    down = torch.tensor([0.0, -math.cos(angle), -math.sin(angle)])
    normal = torch.tensor([0.0, -math.sin(angle), math.cos(angle)])
    count = slope.mdp.num_envs
    pose = Pose.standing(slope.mdp, 0.0)
    folded = torch.tensor([0.0] * 4 + [1.3] * 4 + [-2.65] * 4).repeat(count, 1)
    pose.pos += 0.09 * normal
    c, s = math.cos(angle / 2) * math.sqrt(0.5), math.sin(angle / 2) * math.sqrt(0.5)
    pose.quat[:] = torch.tensor([c, s, s, -c])
    pose.joint_pos = folded
    slope.place(pose)
    slope.step(40, target=folded)
    early = slope.read().robot.base_lin_vel_w @ down
    slope.step(round(seconds / STEP), target=folded)
    return early, slope.read().robot.base_lin_vel_w @ down


def _model() -> mujoco.MjModel:
    from parkour.tasks.robot import load_robot

    return mujoco.MjModel.from_xml_path(str(Path(load_robot("go2")[1]) / "go2.xml"))
