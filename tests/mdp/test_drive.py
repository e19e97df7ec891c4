"""Driving by hand: what replaces the command and the yaws."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from parkour.mdp.context import GoalState
from parkour.mdp.drive import LEAD, Drive
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from tests.evaluation.fakes import QUICK, GlidingEnv

DT = 0.02


def goals(yaw: float = 0.3, next_yaw: float = -0.2) -> GoalState:
    zeros = torch.zeros(2, dtype=torch.long)
    return GoalState(zeros, zeros + 8, torch.zeros(2, 2), torch.full((2,), yaw), torch.full((2,), next_yaw))


def aim(drive: Drive, yaw: float, begins: bool = False) -> torch.Tensor:
    state = drive.aim(goals(), torch.full((2,), yaw), torch.full((2,), begins))
    assert torch.equal(state.yaw, state.next_yaw)
    return state.yaw


def test_the_heading_is_kept_whatever_the_robot_does() -> None:
    drive = Drive(2, "cpu", DT)
    torch.testing.assert_close(aim(drive, 1.0, begins=True), torch.zeros(2))
    torch.testing.assert_close(aim(drive, 0.8), torch.full((2,), 0.2))
    torch.testing.assert_close(aim(drive, 1.3), torch.full((2,), -0.3))


def test_it_turns_at_the_rate_and_by_nudges() -> None:
    drive = Drive(2, "cpu", DT)
    drive.turn_rate = torch.tensor([0.5, -1.0])
    for _ in range(10):
        angle = aim(drive, 0.0)
    torch.testing.assert_close(angle, torch.tensor([0.1, -0.2]))
    drive.turn_rate = torch.zeros(2)
    drive.nudge = torch.full((2,), 0.1)
    for _ in range(3):  # Once is once.
        angle = aim(drive, 0.0)
    torch.testing.assert_close(angle, torch.tensor([0.2, -0.1]))


def test_it_is_never_far_ahead_of_the_robot_and_wraps() -> None:
    drive = Drive(2, "cpu", DT)
    drive.turn_rate = torch.full((2,), 2.0)
    for _ in range(100):
        angle = aim(drive, math.pi - 0.1)
    torch.testing.assert_close(angle, torch.full((2,), LEAD))
    assert (drive.heading.abs() <= math.pi).all()


def test_way_points_lead_where_nobody_steers() -> None:
    drive = Drive(2, "cpu", DT)
    drive.by_hand = torch.tensor([True, False])
    drive.heading = torch.full((2,), 0.4)
    state = drive.aim(goals(), torch.zeros(2), torch.zeros(2, dtype=torch.bool))
    torch.testing.assert_close(state.yaw, torch.tensor([0.4, 0.3]))
    torch.testing.assert_close(state.next_yaw, torch.tensor([0.4, -0.2]))
    # Whoever takes over goes on from where the robot looks.
    torch.testing.assert_close(drive.heading, torch.tensor([0.4, 0.0]))


@pytest.mark.parametrize("name", ["go2-teacher", "go2-student"])
def test_a_policy_is_told_speed_and_heading_at_the_perception_rate(tmp_path: Path, name: str) -> None:
    env = GlidingEnv(load_task(name, changes=read_changes((*QUICK, "course.levels=2"))), 5, "cpu", seed=1)
    columns: dict[str, int] = {}
    start = 0
    for field in env.mdp.observations.layout["proprioception"]:
        columns[field.name] = start
        start += field.size
    drive = env.mdp.drive = Drive(5, "cpu", env.mdp.clock.step_dt)
    env.reset()
    drive.speed[:] = 0.65
    drive.heading = torch.full((5,), 0.25)
    seen = []
    for _ in range(12):
        env.step(torch.zeros(5, 12))
        told = env.get_observations()["proprioception"]
        assert torch.equal(told[:, columns["command"]], torch.full((5,), 0.65))
        assert torch.equal(told[:, columns["goal_yaw"]], told[:, columns["next_goal_yaw"]])
        seen.append(told[0, columns["goal_yaw"]].item())
    # Robots that glide look along x all the time.
    assert seen[-1] == pytest.approx(0.25)
    period = env.mdp.clock.perception_period
    changes = [step for step in range(1, 12) if seen[step] != seen[step - 1]]
    assert all((step + 1) % period == 0 for step in changes)
    env.mdp.drive = None
    env.step(torch.zeros(5, 12))
