"""The mujoco environment as a learner meets it: shapes, resets, broken physics, delay, reproducibility."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from parkour.errors import DeviceError, EngineError
from parkour.tasks import load_task
from parkour_cli.changes import read_changes

pytestmark = pytest.mark.mujoco
engine = pytest.importorskip("parkour_mujoco.engine").MujocoEngine()
module = pytest.importorskip("parkour_mujoco.env")

NUM_ENVS = 5


def make(sets: tuple[str, ...] = (), seed: int = 3) -> module.MujocoEnv:
    task = load_task("go2-teacher", changes=read_changes(("course.levels=3", "course.columns=5", *sets)))
    return engine.make_env(task, num_envs=NUM_ENVS, device="cpu", seed=seed)


@pytest.fixture(scope="module")
def env() -> Iterator[module.MujocoEnv]:
    made = make()
    yield made
    made.close()


def zeros() -> torch.Tensor:
    return torch.zeros(NUM_ENVS, 12)


def test_observation_groups_have_the_layout_of_the_task(env: module.MujocoEnv) -> None:
    observations, reward, done, extras = env.step(zeros())
    sizes = {name: sum(field.size for field in fields) for name, fields in env.mdp.observations.layout.items()}
    assert {name: tuple(value.shape) for name, value in observations.items()} == {
        name: (NUM_ENVS, size) for name, size in sizes.items()
    }
    assert sum(sizes.values()) == 753
    assert reward.shape == done.shape == extras["time_outs"].shape == (NUM_ENVS,)


def test_every_terrain_has_environments_however_few_there_are(env: module.MujocoEnv) -> None:
    assert sorted(env.mdp.course.terrain.tolist()) == [0, 1, 2, 3, 4]


def test_statistics_come_once_per_iteration(env: module.MujocoEnv) -> None:
    steps = env._log_interval
    logged = [("log" in env.step(zeros())[3]) for _ in range(2 * steps)]
    assert sum(logged) == 2


def test_an_environment_with_broken_physics_is_reset_and_counted(env: module.MujocoEnv) -> None:
    env.reset()
    env.mdp.drain_statistics()
    for _ in range(5):
        env.step(zeros())
    env.sim.data.qvel[2, 1] = float("nan")  # as a diverging solver leaves it
    observations, reward, done, extras = env.step(zeros())
    assert done.tolist() == [0, 0, 1, 0, 0]
    assert not extras["time_outs"].any()
    assert torch.isfinite(reward).all() and reward[2] == 0.0
    assert all(torch.isfinite(value).all() for value in observations.values())
    assert env.episode_length_buf.tolist() == [6, 6, 0, 6, 6]
    assert float(env.mdp.drain_statistics()["Physics/nan_resets"]) == 1.0
    for _ in range(25):
        observations, _, done, _ = env.step(zeros())
        assert not done.any()
        assert all(torch.isfinite(value).all() for value in observations.values())
    assert float(env.mdp.context.robot.base_pos[2, 2]) > 0.2


def test_an_episode_that_begins_old_moves_no_level_and_enters_no_score() -> None:
    """As training begins, and goes on after a resumption: robots that were cut short lost a level."""
    env = make(("course.start_levels=[1,1]",))
    try:
        env.mdp.drain_statistics()
        last = env.max_episode_length - 1
        env.episode_length_buf = torch.tensor([last, last, 0, 0, 0])
        env.sim.data.qvel[1, 1] = float("nan")
        _, _, done, _ = env.step(zeros())
        log = env.mdp.drain_statistics()
        assert done.tolist() == [1, 1, 0, 0, 0]
        assert env.mdp.course.level.tolist() == [1] * NUM_ENVS
        assert float(log["Episode/count"]) == 0.0
        assert float(log["Physics/nan_resets"]) == 1.0
        # The next episodes are whole ones: standing still for all of it costs a level.
        env.sim.data.qpos[0, 2] = -0.6
        env.step(zeros())
        assert float(env.mdp.drain_statistics()["Episode/count"]) == 1.0
        assert env.mdp.course.level.tolist() == [0, 1, 1, 1, 1]
    finally:
        env.close()


def test_a_robot_that_falls_off_ends_in_failure_and_begins_anew(env: module.MujocoEnv) -> None:
    env.reset()
    env.sim.data.qpos[1, 2] = -0.6
    _, _, done, extras = env.step(zeros())
    assert done.tolist() == [0, 1, 0, 0, 0] and not extras["time_outs"][1]
    assert float(env.mdp.context.robot.base_pos[1, 2]) > 0.3


def test_the_clock_ends_an_episode_without_failure(env: module.MujocoEnv) -> None:
    env.reset()
    env.episode_length_buf = torch.tensor([0, env.max_episode_length - 1, 0, 0, 0])
    _, _, done, extras = env.step(zeros())
    assert done.tolist() == [0, 1, 0, 0, 0] and extras["time_outs"].tolist() == [False, True, False, False, False]


def test_reaching_the_last_way_point_succeeds(env: module.MujocoEnv) -> None:
    env.reset()
    env.mdp.goals.index = torch.where(torch.arange(NUM_ENVS) == 3, env.mdp.course.goal_count, env.mdp.goals.index)
    _, _, done, extras = env.step(zeros())
    assert done.tolist() == [0, 0, 0, 1, 0] and extras["time_outs"][3]
    assert int(env.mdp.goals.index[3]) == 0


def test_actions_are_clipped_before_anything_sees_them(env: module.MujocoEnv) -> None:
    env.reset()
    env.step(zeros() + 100.0)
    assert float(env.mdp.context.action.max()) == pytest.approx(4.8)


def test_one_seed_gives_one_rollout() -> None:
    def rollout() -> torch.Tensor:
        made = make(seed=11)
        torch.manual_seed(0)
        seen = []
        for _ in range(12):
            observations, reward, _, _ = made.step(torch.randn(NUM_ENVS, 12))
            seen.append(torch.cat([*observations.values(), reward[:, None]], dim=-1))
        made.close()
        return torch.stack(seen)

    assert torch.equal(rollout(), rollout())


def test_a_delayed_action_moves_the_joints_one_step_later() -> None:
    still, delayed = make(), make(("control.action_delay=1",))
    try:
        for action in (zeros() + 1.0, zeros()):
            still.step(action)
        torch.manual_seed(0)
        # The first executed action of an episode is the default pose.
        delayed.step(zeros() + 1.0)
        calves = slice(8, 12)
        before = delayed.mdp.context.robot.joint_pos[:, calves].clone()
        delayed.step(zeros())
        moved = delayed.mdp.context.robot.joint_pos[:, calves] - before
        # The action asks for +0.25 rad, one step after it was given.
        assert (moved > 0.02).all()
        assert float(delayed.mdp.context.action.abs().max()) == 0.0
    finally:
        still.close()
        delayed.close()


@pytest.mark.parametrize(("device", "said"), [("tpu", "expected 'cpu', 'cuda'"), ("cuda:0", "torch sees no CUDA GPU")])
def test_a_device_that_is_not_there(device: str, said: str) -> None:
    if device == "cuda:0" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match=said):
        engine.make_env(load_task("go2-teacher"), num_envs=1, device=device, seed=0)


def test_no_environments() -> None:
    with pytest.raises(EngineError, match="got 0 environments, expected at least 1"):
        engine.make_env(load_task("go2-teacher"), num_envs=0, device="cpu", seed=0)
