"""What randomization asks for is what the simulator has afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mujoco
import pytest
import torch

from tests.isaaclab.drivers import IsaacDriver, flat_task

pytestmark = [pytest.mark.isaaclab, pytest.mark.slow]

SOME = torch.tensor([2, 0])
"""Robots that are changed, of four."""


@pytest.fixture(scope="module")
def driver(physics: str) -> Iterator[IsaacDriver]:
    driver = IsaacDriver(flat_task(), 4, physics)
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def base(driver: IsaacDriver) -> int:
    return driver.runtime.accessor.base


def test_a_robot_weighs_what_its_model_does(driver: IsaacDriver) -> None:
    folder = driver.runtime.task.robot_folder
    model = mujoco.MjModel.from_xml_path(str(Path(folder) / "go2.xml"))
    found = driver.robot.data.body_mass.torch.sum(dim=-1)
    torch.testing.assert_close(found, torch.full((4,), float(model.body_mass.sum())), rtol=1e-5, atol=0)


@torch.inference_mode()
def test_mass_and_inertia_of_the_base(driver: IsaacDriver, base: int) -> None:
    data = driver.robot.data
    mass, inertia = data.body_mass.torch.clone(), data.body_inertia.torch.clone()
    driver.runtime.sim_handle.set_added_mass(SOME, torch.tensor([2.0, -1.0]))
    mass[SOME, base] += torch.tensor([2.0, -1.0])
    inertia[SOME, base] *= (mass[SOME, base] / (mass[1, base]))[:, None]
    driver.step(1)
    torch.testing.assert_close(data.body_mass.torch, mass, rtol=1e-6, atol=0)
    torch.testing.assert_close(data.body_inertia.torch, inertia, rtol=1e-5, atol=1e-8)
    assert driver.mdp.privileged.added_mass[:, 0].tolist() == [-1.0, 0.0, 2.0, 0.0]
    driver.runtime.sim_handle.set_added_mass(SOME, torch.zeros(2))


@torch.inference_mode()
def test_centre_of_mass_of_the_base(driver: IsaacDriver, base: int) -> None:
    centre = driver.robot.data.body_com_pos_b.torch.clone()
    offset = torch.tensor([[0.05, -0.02, 0.01], [0.0, 0.0, -0.1]])
    driver.runtime.sim_handle.set_com_offset(SOME, offset)
    centre[SOME, base] += offset
    driver.step(1)
    torch.testing.assert_close(driver.robot.data.body_com_pos_b.torch, centre, rtol=0, atol=1e-6)
    driver.runtime.sim_handle.set_com_offset(SOME, torch.zeros(2, 3))


@torch.inference_mode()
def test_friction_of_every_shape(driver: IsaacDriver) -> None:
    handle = driver.runtime.sim_handle
    handle.set_friction(torch.arange(4), torch.full((4,), 1.0))
    handle.set_friction(SOME, torch.tensor([0.3, 1.7]))
    driver.step(1)
    found = driver.runtime.backend.friction(driver.robot)
    expected = torch.tensor([1.7, 1.0, 0.3, 1.0])
    torch.testing.assert_close(found.cpu(), expected[:, None].expand_as(found), rtol=1e-5, atol=0)
    assert found.shape[1] >= 21, "every shape that collides"


@torch.inference_mode()
def test_gains_of_every_motor_in_canonical_order(driver: IsaacDriver) -> None:
    layout, handle = driver.mdp.layout, driver.runtime.sim_handle
    stiffness = 0.8 + 0.01 * torch.arange(24.0).reshape(2, 12)
    handle.set_gain_scale(SOME, stiffness, 2.0 - stiffness)
    driver.step(1, target=driver.mdp.default_joint_pos.repeat(4, 1))
    kp, kd = handle.motors.gains()
    torch.testing.assert_close(kp[SOME], torch.tensor(layout.stiffness) * stiffness)
    torch.testing.assert_close(kd[SOME], torch.tensor(layout.damping) * (2.0 - stiffness))
    torch.testing.assert_close(kp[1], torch.tensor(layout.stiffness))
    # Weak motors come on top.
    handle.set_motor_strength(SOME, torch.tensor([0.8, 1.1]))
    kp, kd = handle.motors.gains()
    strength = torch.tensor([[0.8], [1.1]])
    torch.testing.assert_close(kp[SOME], torch.tensor(layout.stiffness) * stiffness * strength)
    torch.testing.assert_close(kd[SOME], torch.tensor(layout.damping) * (2.0 - stiffness) * strength)
    handle.set_motor_strength(SOME, torch.ones(2))
    handle.set_gain_scale(SOME, torch.ones(2, 12), torch.ones(2, 12))


@torch.inference_mode()
def test_robots_do_not_touch_themselves(driver: IsaacDriver) -> None:
    """In the air with its shanks folded through its thighs nothing pushes; only links that hinge on each other may."""
    from tests.isaaclab.drivers import Pose

    pose = Pose.standing(driver.mdp, 2.0)
    # Both left legs swung through the right ones.
    pose.joint_pos[:, :4] = torch.tensor([-1.0, 1.0, -1.0, 1.0])
    pose.joint_pos[:, 8:] = -2.7
    driver.place(pose)
    driver.step(2)
    seen = driver.read()
    assert seen.body_force.abs().max() == 0
    assert seen.foot_force.abs().max() == 0
