"""C MuJoCo on the CPU gives what MuJoCo Warp gives: matched states, with resets, pushes and randomization."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from parkour.errors import EngineError
from parkour.tasks import load_task
from parkour_cli.changes import read_changes

pytestmark = pytest.mark.mujoco
engine = pytest.importorskip("parkour_mujoco.engine").MujocoEngine()

NUM_ENVS = 10
STEPS = 200
TASK = ("course.levels=4", "course.columns=5", "events.push.interval=0.1", "timing.episode_length=0.8")


def make(cpu_sim: str):
    task = load_task("go2-teacher", changes=read_changes(TASK))
    torch.manual_seed(5)
    return engine.make_env(task, num_envs=NUM_ENVS, device="cpu", seed=5, cpu_sim=cpu_sim)


@pytest.fixture(scope="module")
def differences() -> dict[str, Tensor]:
    """Differences between the two, stepped from the same states: ``[T, N]``, of observations the greatest of each."""
    warp, native = make("warp"), make("native")
    kept: dict[str, list[Tensor]] = {"observation": [], "reward": [], "done": [], "force": []}
    ended = 0
    generator = torch.Generator().manual_seed(0)
    for step in range(STEPS):
        for name in ("qpos", "qvel"):
            getattr(native.sim.data, name)[:] = getattr(warp.sim.data, name)[:]
        action = torch.randn(NUM_ENVS, 12, generator=generator)
        results = []
        for env in (warp, native):
            torch.manual_seed(step)  # the draws of resets and pushes
            observations, reward, done, _ = env.step(action)
            force = env.mdp.context.contacts.foot_force
            results.append((torch.cat(list(observations.values()), dim=-1), reward, done, force))
        a, b = results
        ended += int(a[2].sum())
        kept["observation"].append((a[0] - b[0]).abs().amax(dim=-1))
        kept["reward"].append((a[1] - b[1]).abs())
        kept["done"].append(a[2] != b[2])
        kept["force"].append((a[3] - b[3]).norm(dim=-1).flatten(1).amax(dim=-1))
    assert ended >= 4 * NUM_ENVS, "the rollout must contain resets"
    warp.close()
    native.close()
    return {name: torch.stack(values) for name, values in kept.items()}


def test_episodes_end_alike(differences: dict[str, Tensor]) -> None:
    assert int(differences["done"].sum()) == 0


def test_observations_agree(differences: dict[str, Tensor]) -> None:
    """To 1e-5, but for joint velocities of robots that flail: MuJoCo Warp's solver works in single precision, which at
    30 rad/s leaves 4e-4 rad/s after a control step, 2e-5 in the observation."""
    assert differences["observation"].flatten().quantile(0.95) < 1e-5
    assert differences["observation"].max() < 5e-5


def test_rewards_agree(differences: dict[str, Tensor]) -> None:
    assert differences["reward"].max() < 1e-6


def test_contact_forces_agree(differences: dict[str, Tensor]) -> None:
    assert differences["force"].median() < 3e-3


def test_randomized_constants_reach_the_c_models() -> None:
    env = make("native")
    privileged, base = env.mdp.privileged, env.sim_handle._base
    worlds = env.sim._worlds
    masses = torch.tensor([float(world.model.body_mass[base]) for world in worlds])
    assert torch.allclose(masses, 6.921 + privileged.added_mass[:, 0], atol=1e-4)
    foot = worlds[0].model.geom("robot/FL_foot_collision").id
    friction = torch.tensor([float(world.model.geom_friction[foot, 0]) for world in worlds])
    assert torch.allclose(friction, privileged.friction[:, 0], atol=1e-5)
    assert privileged.added_mass.std() > 0.1 and privileged.friction.std() > 0.05
    env.close()


def test_unknown_cpu_sim() -> None:
    with pytest.raises(EngineError, match="--cpu-sim: got 'gpu', expected native or warp"):
        make("gpu")
