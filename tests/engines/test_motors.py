"""The DC-motor law against hand-computed corners and against mjlab's own."""

from __future__ import annotations

import pytest
import torch

from parkour.mdp.robot import RobotLayout
from parkour_mujoco.motors import DcMotors


def layout() -> RobotLayout:
    return RobotLayout(
        name="one", joints=("thigh",), feet=(), contact_bodies=(), penalised_bodies=(), hip_joints=(),
        default_joint_pos=(0.0,), stiffness=(40.0,), damping=(1.0,), effort_limit=(40.0,), saturation_effort=(45.0,),
        velocity_limit=(30.1,), armature=(0.01,), base_height=0.4,
    )  # fmt: skip


def torque(target: float, pos: float, vel: float) -> float:
    motors = DcMotors(layout(), 1, "cpu")
    return float(motors.torque(torch.tensor([[target]]), torch.tensor([[pos]]), torch.tensor([[vel]])))


def test_within_the_limits_it_is_a_pd_law() -> None:
    assert torque(0.5, 0.2, 2.0) == pytest.approx(40 * 0.3 - 2.0)


@pytest.mark.parametrize(
    ("vel", "most"),
    [
        (0.0, 40.0),  # continuous limit below the line
        (30.1 / 9, 40.0),  # the corner: 45 (1 - 1/9) = 40
        (15.05, 22.5),  # half speed, half torque
        (30.1, 0.0),  # no-load speed
        (40.0, 45 * (1 - 40.0 / 30.1)),  # beyond it the motor brakes
        (1000.0, -40.0),  # never harder than its limit
        (-20.0, 40.0),  # braking against the motion
    ],
)
def test_forward_limit_follows_the_torque_speed_line(vel: float, most: float) -> None:
    assert torque(1000.0, 0.0, vel) == pytest.approx(most, abs=1e-4)
    assert torque(-1000.0, 0.0, -vel) == pytest.approx(-most, abs=1e-4)


def test_weak_motors_have_less_of_everything() -> None:
    motors = DcMotors(layout(), 2, "cpu")
    motors.strength[1] = 0.9
    for target, vel in ((0.3, 2.0), (1000.0, 0.0), (1000.0, 15.05), (-1000.0, -20.0)):
        strong, weak = motors.torque(torch.full((2, 1), target), torch.zeros(2, 1), torch.full((2, 1), vel))[:, 0]
        assert weak.item() == pytest.approx(0.9 * strong.item())


@pytest.mark.mujoco
def test_same_law_as_mjlab() -> None:
    dc_actuator = pytest.importorskip("mjlab.actuator.dc_actuator")
    torch.manual_seed(0)
    count = 500
    target, pos = torch.randn(count, 1) * 3, torch.randn(count, 1)
    vel = torch.randn(count, 1) * 30
    motors = DcMotors(layout(), count, "cpu")
    expected = dc_actuator.dc_motor_clip(
        40.0 * (target - pos) - vel, *(torch.tensor(x) for x in (45.0, 30.1, 40.0)), vel
    )
    assert torch.allclose(motors.torque(target, pos, vel), expected, atol=1e-4)
