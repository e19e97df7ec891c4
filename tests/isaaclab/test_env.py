"""Environments of both tasks: what they give, and that they can be stepped."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from parkour.tasks import load_task
from parkour_cli.changes import read_changes

pytestmark = [pytest.mark.isaaclab, pytest.mark.slow]


SIZES = {
    "go2-teacher": {
        "proprioception": 53,
        "height_scan": 132,
        "privileged_explicit": 9,
        "privileged_latent": 29,
        "proprioception_history": 530,
    },
    "go2-student": {},
}


@pytest.mark.parametrize("name", ["go2-teacher", "go2-student"])
def test_robots_walk_all_terrains_for_400_steps(make_env: Any, name: str) -> None:
    task = load_task(name, overlay="train", changes=read_changes(["course.levels=3"]))
    env = make_env(task, num_envs=16)
    layout = env.mdp.observations.layout
    observations = env.get_observations()
    sizes = {group: sum(field.size for field in fields) for group, fields in layout.items()}
    assert set(observations.keys()) == set(task.observations)
    assert SIZES[name].items() <= sizes.items()
    for group, value in observations.items():
        # What is described of a depth image is the camera's; what a policy gets is resized.
        assert value.shape == ((16, 58, 87) if group == "depth" else (16, sizes[group])), group
    assert set(env.mdp.course.terrain.tolist()) == set(range(len(task.terrains)))
    generator = torch.Generator().manual_seed(0)
    ended = torch.zeros(16, dtype=torch.long)
    rewards = torch.zeros(16)
    for step in range(400):
        # First standing, then flailing until everybody has fallen.
        actions = torch.randn(16, 12, generator=generator) * (0.3 if step < 100 else 3.0)
        observations, reward, done, extras = env.step(actions)
        assert all(torch.isfinite(value).all() for value in observations.values()), step
        assert torch.isfinite(reward).all(), step
        assert (reward >= 0).all(), step
        assert extras["time_outs"].dtype == torch.bool
        ended += done
        rewards += reward
    assert (ended > 0).sum() >= 12
    assert (rewards > 0).all()


def test_an_episode_starts_at_its_patch_and_knows_nothing_of_the_last(make_env: Any) -> None:
    env = make_env(load_task("go2-teacher", overlay="train", changes=read_changes(["course.levels=3"])))
    for _ in range(20):
        env.step(torch.zeros(4, 12))
    env.episode_length_buf[1] = env.max_episode_length - 1
    _, _, done, extras = env.step(torch.ones(4, 12))
    assert done.tolist() == [0, 1, 0, 0]
    assert extras["time_outs"].tolist() == [False, True, False, False]
    context = env.mdp.context
    assert context.episode_step.tolist() == [21, 0, 21, 21]
    torch.testing.assert_close(context.robot.base_pos[1, :2], env.mdp.course.spawn[1, :2], atol=1e-4, rtol=0)
    assert context.contacts.foot_force[1].abs().max() == 0
    assert context.contacts.foot_force[0].norm() > 50
    assert context.robot.joint_torque[1].abs().max() == 0
    assert context.previous.action[1].abs().max() == 0
    assert context.previous.action[0].abs().max() == 1


def test_actions_come_late_by_the_tasks_delay(make_env: Any) -> None:
    """The targets of a delayed robot are those of earlier actions; what terms see is the action that was given."""
    task = load_task(
        "go2-teacher", overlay="train", changes=read_changes(["course.levels=2", "control.action_delay=2"])
    )
    env = make_env(task)
    term = env.unwrapped.action_manager.get_term("joints")
    default = env.mdp.default_joint_pos
    targets = []
    for value in (1.0, 2.0, 3.0):
        env.step(torch.full((4, 12), value))
        targets.append(((term.processed_actions - default) / task.model.control.action_scale).mean())
        assert env.mdp.action.mean() == value
    assert torch.stack(targets).tolist() == pytest.approx([0.0, 0.0, 1.0], abs=1e-5)


def test_physics_alone_takes_as_long_as_in_a_control_step(make_env: Any) -> None:
    """A robot that falls freely has the speed of so many control steps, whatever one call of a backend makes."""
    env = make_env(load_task("go2-teacher", overlay="play", changes=read_changes(["course.levels=1"])))
    with torch.inference_mode():
        runtime = _runtime(env)
        everybody = torch.arange(4)
        runtime.sim_handle.set_base_state(everybody, torch.tensor([[2.0, 0.0, 5.0]]).repeat(4, 1), torch.zeros(4))
        env.simulate_only(5)
        speed = runtime.accessor.read(runtime.origins).robot.base_lin_vel_w[:, 2]
    torch.testing.assert_close(speed, torch.full((4,), -9.81 * 5 * env.mdp.clock.step_dt), rtol=0.05, atol=0)


def _runtime(env: Any) -> Any:
    from parkour_isaaclab.runtime import runtime_of

    return runtime_of(env.unwrapped)
