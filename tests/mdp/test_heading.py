"""A commanded heading in place of the exact yaws: what an operator gives, and what a robot keeps by itself."""

from __future__ import annotations

import math

import pytest
import torch

from parkour.engines.task_env import TaskEnv
from parkour.errors import TaskError
from parkour.mdp.context import GoalState
from parkour.mdp.heading import LOOKS, HeadingCommand
from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from tests.evaluation.fakes import QUICK, GlidingEnv

DT = 0.02


def goals(yaw: float, num_envs: int = 2) -> GoalState:
    zeros = torch.zeros(num_envs, dtype=torch.long)
    return GoalState(zeros, zeros + 8, torch.zeros(num_envs, 2), torch.full((num_envs,), yaw), torch.zeros(num_envs))


def told(command: HeadingCommand, step: int, *, yaw: float, goal: float = 0.0, num_envs: int = 2) -> torch.Tensor:
    """What robots that look along ``yaw`` are told when the way point lies ``goal`` to their left."""
    steps = torch.full((num_envs,), step)
    state = command.aim(goals(goal, num_envs), torch.full((num_envs,), yaw), steps)
    assert torch.equal(state.yaw, state.next_yaw)
    return state.yaw


def test_a_held_heading_is_that_of_the_start_wherever_way_points_are() -> None:
    command = HeadingCommand(2, "cpu", DT, interval=None)
    assert told(command, 0, yaw=3.0, goal=0.5).tolist() == [0.0, 0.0]
    torch.testing.assert_close(told(command, 1, yaw=2.8, goal=0.5), torch.full((2,), 0.2))
    # Across the half turn it is still the short way.
    torch.testing.assert_close(told(command, 2, yaw=-3.0), torch.full((2,), 6.0 - 2 * math.pi))
    assert told(command, 0, yaw=1.0).tolist() == [0.0, 0.0], "a new episode"


def test_an_operator_points_at_the_way_point_now_and_then_and_late() -> None:
    command = HeadingCommand(2, "cpu", DT, interval=0.2, reaction=0.06)
    torch.testing.assert_close(told(command, 0, yaw=0.0, goal=0.3), torch.full((2,), 0.3))
    for step in range(1, 13):
        angle = told(command, step, yaw=0.1, goal=-0.4)
        # Looked at in step 10, told in step 13: meanwhile the robot turns to what it was told before.
        torch.testing.assert_close(angle, torch.full((2,), 0.2))
    torch.testing.assert_close(told(command, 13, yaw=0.2, goal=9.0), torch.full((2,), -0.5))


def test_errors_have_the_spread_asked_for_and_change_with_every_look_alone() -> None:
    command = HeadingCommand(2000, "cpu", DT, interval=0.1, error=0.05, seed=3)
    first = told(command, 0, yaw=0.0, num_envs=2000)
    assert first.std().item() == pytest.approx(0.05, rel=0.1) and abs(first.mean().item()) < 0.005
    assert torch.equal(told(command, 4, yaw=0.0, num_envs=2000), first)
    second = told(command, 5, yaw=0.0, num_envs=2000)
    assert abs(torch.corrcoef(torch.stack((first, second)))[0, 1].item()) < 0.1
    again = HeadingCommand(2000, "cpu", DT, interval=0.1, error=0.05, seed=3)
    assert torch.equal(told(again, 0, yaw=0.0, num_envs=2000), first), "they depend on the seed alone"
    for step in range(10, 10 + 5 * LOOKS, 5):
        assert told(command, step, yaw=0.0, num_envs=2000).abs().max() < 0.5


def make_env(*sets: str) -> TaskEnv:
    changes = read_changes((*QUICK, "course.levels=2", *sets))
    return GlidingEnv(load_task("go2-student", changes=changes), 5, "cpu", seed=1)


def yaws(env: TaskEnv) -> torch.Tensor:
    layout, start = env.mdp.observations.layout["proprioception"], 0
    for field in layout:
        if field.name == "goal_yaw":
            return env.get_observations()["proprioception"][:, start : start + 2]
        start += field.size
    raise AssertionError("no yaws")


def test_a_task_tells_its_policy_way_points_or_a_heading() -> None:
    exact, held = make_env(), make_env("heading.source=hold", "heading.error=0")
    noisy = make_env("heading.source=hold")
    steered = make_env("heading.source=operator", "heading.error=0", "heading.interval=0.1", "heading.reaction=0.02")
    for env in (exact, held, noisy, steered):
        env.reset()
        for _ in range(75):
            env.step(torch.zeros(5, 12))
    assert exact.mdp.heading is None and not torch.equal(*yaws(exact).unbind(-1))
    # Robots that glide look along x all the time, as they did at the start.
    assert torch.equal(yaws(held), torch.zeros(5, 2))
    assert yaws(noisy).std() > 0.01 and torch.equal(*yaws(noisy).unbind(-1))
    assert (yaws(steered) != 0.0).any() and torch.equal(*yaws(steered).unbind(-1))
    # Rewards, terminations and scores go by the way points all the same.
    for env in (held, steered):
        assert torch.equal(env.mdp.goals.index, exact.mdp.goals.index)
        ours = env.mdp.goals.state(*_pose(env))
        theirs = exact.mdp.goals.state(*_pose(exact))
        assert torch.equal(ours.yaw, theirs.yaw)


def _pose(env: TaskEnv) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    assert env.mdp.context is not None
    robot, course = env.mdp.context.robot, env.mdp.course
    return robot.base_pos[:, :2], robot.yaw, course.goals, course.goal_count


def test_an_operator_who_reacts_later_than_he_looks_again_is_refused() -> None:
    with pytest.raises(TaskError, match=r"heading.*shorter than heading\.interval, 0\.5 s, got 0\.7 s"):
        make_env("heading.source=operator", "heading.interval=0.5", "heading.reaction=0.7")
    with pytest.raises(TaskError, match=r"heading\.source"):
        make_env("heading.source=compass")
