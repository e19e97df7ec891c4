"""The recording that plugins are checked on, and the environment that replays it."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from parkour.mdp.context import StepContext
from parkour.registry import Registry
from parkour.tasks import load_task
from parkour.testing import NotChecked, ReplayEnv, recorded_moments
from parkour.testing.encoders import INPUT_SHAPES, PROPRIOCEPTION
from parkour.testing.observations import run_group
from parkour.testing.subject import Subject


def test_states_are_those_of_walking_robots() -> None:
    moments = recorded_moments()
    acted = [moment.acted for moment in moments]
    assert len(moments) >= 20 and acted[0].num_envs >= 12
    speed = torch.stack([ctx.robot.base_lin_vel_b[:, 0] for ctx in acted])
    assert 0.1 < speed.mean() < 1.0
    assert torch.stack([ctx.contacts.feet_touching(2.0) for ctx in acted]).float().mean().item() == pytest.approx(
        0.5, abs=0.3
    )
    assert any(len(moment.ended) for moment in moments), "nobody falls"
    assert len({int(kind) for ctx in acted for kind in ctx.course.terrain}) == 5
    assert len({int(level) for ctx in acted for level in ctx.course.level}) == 3


def test_states_are_consistent() -> None:
    """Quantities that say the same in two ways agree, and courses are those that the robots stood on."""
    for moment in recorded_moments():
        for ctx in (moment.acted, moment.observed):
            _check_frames(ctx)
    loaded = []
    for moment in recorded_moments():
        ctx = moment.acted
        feet = ctx.robot.feet_pos
        height = feet[..., 2] - ctx.course.height(feet[..., :2])
        loaded.append(height[ctx.contacts.foot_force[..., 2] > 30.0])
    # Centres of loaded feet are a foot's radius above the ground; a cell beside an edge may be higher or lower.
    assert torch.cat(loaded).median().item() == pytest.approx(0.022, abs=0.01)


def _check_frames(ctx: StepContext) -> None:
    robot = ctx.robot
    torch.testing.assert_close(robot.base_quat.norm(dim=-1), torch.ones(ctx.num_envs), rtol=0, atol=1e-4)
    torch.testing.assert_close(robot.projected_gravity.norm(dim=-1), torch.ones(ctx.num_envs), rtol=0, atol=1e-4)
    torch.testing.assert_close(
        robot.base_lin_vel_w.norm(dim=-1), robot.base_lin_vel_b.norm(dim=-1), rtol=1e-3, atol=1e-3
    )
    up = torch.cos(robot.roll) * torch.cos(robot.pitch)
    torch.testing.assert_close(-robot.projected_gravity[:, 2], up, rtol=0, atol=1e-3)


def test_who_reads_it_cannot_spoil_it() -> None:
    recorded_moments()[0].acted.robot.base_pos.zero_()
    assert recorded_moments()[0].acted.robot.base_pos.abs().sum() > 1.0


def test_resets_lie_between_acting_and_observing() -> None:
    for moment in recorded_moments():
        begun = moment.observed.episode_step == 0
        assert set(moment.ended.tolist()) == set(begun.nonzero().squeeze(-1).tolist())
        assert (moment.acted.episode_step > 0).all()


def test_a_task_replays_with_its_own_observations() -> None:
    task = load_task("go2-teacher", overlay="train")
    env = ReplayEnv(task)
    first = env.get_observations()
    ends = 0
    for _ in range(2 * len(env.moments)):
        obs, reward, done, _ = env.step(torch.zeros(env.num_envs, env.num_actions))
        ends += int(done.sum())
        assert (reward == 1.0).all()
    assert ends == 2 * sum(len(moment.ended) for moment in env.moments)
    assert set(first.keys()) == set(task.observations)
    assert torch.equal(first["proprioception"], obs["proprioception"]), "after two rounds it begins anew"
    obs, *_ = env.step(torch.ones(env.num_envs, env.num_actions))
    assert not torch.equal(first["proprioception"], obs["proprioception"])


def test_encoders_are_tried_on_the_sizes_of_the_tasks() -> None:
    student = ReplayEnv(load_task("go2-student", overlay="train")).get_observations()
    frame = student["proprioception"].shape[-1]
    assert frame == PROPRIOCEPTION
    assert {
        "scan": tuple(student["height_scan"].shape[1:]),
        "privileged": tuple(student["privileged_latent"].shape[1:]),
        "history": (student["proprioception_history"].shape[-1] // frame, frame),
        "depth": tuple(student["depth"].shape[1:]),
    } == INPUT_SHAPES


def test_pictures_of_the_recording_show_something() -> None:
    registry = Registry.discover(only=[])
    subject = Subject.of(registry.get("observation", "depth"), registry)
    values = torch.stack(run_group(subject))
    assert values.std() > 0.05


def test_another_robot_is_not_checked_on_it() -> None:
    task = load_task("go2-teacher")
    other = dataclasses.replace(task, robot=dataclasses.replace(task.robot, joints=("a", "b")))
    with pytest.raises(NotChecked, match="of the robot 'go2'"):
        ReplayEnv(other)
