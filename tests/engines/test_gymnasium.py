"""Gymnasium's interface, on robots without physics; and on MuJoCo, as any client makes and trains it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor, nn

import parkour  # noqa: F401 - registers the ids
from parkour.engines import gymnasium_env
from parkour.engines.gymnasium_env import GymnasiumEnv
from parkour.errors import ParkourError
from parkour.tasks import load_task
from tests.evaluation.fakes import GlidingEnv

FEW = {"course.levels": 2, "course.columns": 5}


def gliding(flat: bool = False, num_envs: int = 6, **changes: Any) -> GymnasiumEnv:
    quick = {name.replace("__", "."): value for name, value in changes.items()}
    task = load_task("go2-teacher", overlay="train", changes={**FEW, **quick})
    return GymnasiumEnv(GlidingEnv(task, num_envs, "cpu", 3, pace=8.0), flat=flat)


@pytest.fixture(scope="module")
def vec() -> Iterator[GymnasiumEnv]:
    pytest.importorskip("mjlab")
    env: Any = gymnasium.make_vec("parkour/go2-teacher", num_envs=4, device="cpu", engine="mujoco", changes=FEW)
    yield env
    env.close()


def test_observations_are_in_their_spaces() -> None:
    for flat in (False, True):
        env = gliding(flat)
        assert isinstance(env, VectorEnv) and env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
        observations, info = env.reset()
        assert info == {}
        seen: Any = {name: value.numpy() for name, value in observations.items()} if not flat else observations.numpy()
        assert env.observation_space.contains(seen)
        one = {name: value[0] for name, value in seen.items()} if not flat else seen[0]
        assert env.single_observation_space.contains(one)
        assert env.action_space.shape == (6, 12) and env.single_action_space.shape == (12,)


def test_failure_success_and_time_out_are_told_apart() -> None:
    env = gliding(timing__episode_length=4.0, course__difficulty="random", course__difficulty_range=[0.0, 0.7])
    env.reset(seed=1)
    env.env.episode_length_buf += torch.tensor([0, 0, 0, 190, 190, 190])  # Of 200 steps.
    ends = torch.zeros(3, dtype=torch.int64)
    for _ in range(400):
        _, reward, terminated, truncated, info = env.step(np.zeros((6, 12), np.float32))
        failed, succeeded = info["failed"], info["succeeded"]
        assert torch.equal(terminated, failed | succeeded) and not (truncated & failed).any()
        assert reward.shape == terminated.shape == truncated.shape == (6,)
        ends += torch.stack([failed.sum(), succeeded.sum(), truncated.sum()])
    assert (ends > 0).all(), ends


def test_wrong_calls_are_one_clear_error() -> None:
    env = gliding()
    for actions in (np.zeros((6, 11), np.float32), np.zeros((6, 12), int), torch.zeros(12), [0.0] * 12):
        with pytest.raises(ParkourError, match="got actions of"):
            env.step(actions)  # type: ignore[arg-type]
    with pytest.raises(ParkourError, match="expected one int for all environments"):
        env.reset(seed=[1] * 6)
    with pytest.raises(ParkourError, match="num_envs: got 0"):
        gymnasium.make_vec("parkour/go2-teacher", num_envs=0)


def test_actions_that_are_not_finite_are_one_clear_error_where_looking_is_free() -> None:
    env = gliding()
    env.reset(seed=1)
    actions = torch.zeros(6, 12)
    actions[1, 3], actions[4] = torch.nan, torch.inf
    for given in (actions, actions.numpy()):
        with pytest.raises(ParkourError, match=r"got actions that are NaN or infinite for 2 of 6 robots \(1, 4\)"):
            env.step(given)
    assert int(env.env.episode_length_buf.sum()) == 0


ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "double": lambda a: a.astype(np.float64),
    "half": lambda a: a.astype(np.float16),
    "reversed": lambda a: a[::-1].copy()[::-1],
    "transposed": lambda a: np.asfortranarray(a),
    "of another byte order": lambda a: a.astype(">f4"),
    "read-only": lambda a: np.frombuffer(a.tobytes(), np.float32).reshape(a.shape),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.filterwarnings("error")
def test_any_array_of_numbers_is_an_action(kind: str) -> None:
    actions = np.random.default_rng(0).integers(-4, 4, (6, 12)).astype(np.float32) / 4
    seen: list[Tensor] = []
    for given in (actions, ARRAYS[kind](actions)):
        env = gliding()
        env.reset(seed=1)
        env.step(given)
        seen.append(env.env.mdp.context.action)
    assert torch.equal(*seen)


WRONG_ACTIONS: dict[str, tuple[Any, str]] = {
    "objects": (np.zeros((6, 12), object), "got actions of dtype object, expected float32"),
    "text": (np.full((6, 12), "a"), "got actions of dtype <U1"),
    "whole numbers": (np.zeros((6, 12), int), "got actions of dtype int64"),
    "no array": ([[0.0] * 12] * 6, "got actions of type list"),
    "too large for float32": (np.full((6, 12), 1e300), "NaN or infinite for 6 of 6 robots"),
    "too large a tensor": (torch.full((6, 12), 1e300, dtype=torch.float64), "NaN or infinite for 6 of 6 robots"),
    "sparse": (torch.zeros(6, 12).to_sparse(), r"got actions of layout torch.sparse_coo, expected torch.strided"),
    "elsewhere": (torch.zeros(6, 12, device="meta"), "got actions on meta"),
}


@pytest.mark.parametrize("what", WRONG_ACTIONS)
@pytest.mark.filterwarnings("error")
def test_whatever_else_is_an_action_is_one_clear_error(what: str) -> None:
    actions, said = WRONG_ACTIONS[what]
    with pytest.raises(ParkourError, match=said):
        gliding().step(actions)


@pytest.mark.parametrize("seed", [-1, 1 << 63, True, 1.0, "1", None])
def test_what_is_no_seed_is_one_clear_error(seed: Any) -> None:
    if seed is not None:  # Of a reset: go on as before.
        with pytest.raises(ParkourError, match="seed: got"):
            gliding().reset(seed=seed)
    with pytest.raises(ParkourError, match="seed: got"):
        gymnasium_env.make_vec_env("go2-teacher", 1, device="cpu", seed=seed)


def test_numbers_of_numpy_are_numbers() -> None:
    one, other = gliding(), gliding()
    seen = [env.reset(seed=seed)[0] for env, seed in ((one, 3), (other, np.int64(3)))]
    assert all(torch.equal(seen[0][name], seen[1][name]) for name in seen[0])
    for count in (0, 2.0, "2", True):
        with pytest.raises(ParkourError, match="num_envs: got"):
            gymnasium_env.make_vec_env("go2-teacher", count, device="cpu")  # pyright: ignore[reportArgumentType]


def test_a_robot_that_is_broken_is_told_apart_from_one_that_fell(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where actions lie on a GPU, whose numbers nobody waits for."""
    monkeypatch.setattr(gymnasium_env, "_check_finite", lambda actions: None)
    env = gliding()
    env.reset(seed=1)
    actions = torch.zeros(6, 12)
    actions[2, 0] = torch.nan
    _, reward, terminated, _, info = env.step(actions)
    for told in (info["broken"], info["failed"], terminated):
        assert told.nonzero().flatten().tolist() == [2]
    assert bool(reward.isfinite().all())
    assert not env.step(torch.zeros(6, 12))[4]["broken"].any()


def test_closed_environments_say_so_and_pictures_are_asked_for() -> None:
    env = gliding()
    assert env.render_mode is None and env.render() is None
    env.close()
    env.close()
    for call in (env.reset, env.render, lambda: env.step(np.zeros((6, 12), np.float32))):
        with pytest.raises(ParkourError, match="the environments are closed"):
            call()


def test_importing_parkour_imports_no_gymnasium_and_still_registers_with_it() -> None:
    for first in ("parkour", "gymnasium"):
        second = {"parkour": "gymnasium", "gymnasium": "parkour"}[first]
        code = (
            f"import sys, {first}; heavy = {{'gymnasium', 'numpy', 'torch'}} & set(sys.modules);"
            f"assert {first!r} == 'gymnasium' or not heavy, heavy; import {second};"
            "import gymnasium; assert 'torch' not in sys.modules;"
            "print(sorted(name for name in gymnasium.registry if name.startswith('parkour/')))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "'parkour/go2-student'" in done.stdout and "'parkour/go2-teacher'" in done.stdout, done.stdout


@pytest.mark.mujoco
def test_the_same_seed_gives_the_same_observations(vec: GymnasiumEnv) -> None:
    first, _ = vec.reset(seed=1)
    for _ in range(5):
        vec.step(torch.randn(4, 12))
    again, _ = vec.reset(seed=1)
    assert torch.equal(first, again)
    steps = [vec.step(torch.zeros(4, 12))[0]]
    vec.reset(seed=1)
    steps.append(vec.step(torch.zeros(4, 12))[0])
    assert torch.equal(*steps)
    assert not torch.equal(first, vec.reset(seed=2)[0])


@pytest.mark.mujoco
def test_gradients_flow_through_a_policy_on_what_is_returned(vec: GymnasiumEnv) -> None:
    observations, _ = vec.reset(seed=1)
    policy = nn.Linear(observations.shape[-1], 12)
    for _ in range(2):
        actions = policy(observations)
        observations, reward, terminated, truncated, info = vec.step(actions.detach())
        for value in (observations, reward, terminated, truncated, *info.values()):
            assert not value.is_inference()
    (policy(observations).square().mean() * reward.mean()).backward()
    assert policy.weight.grad is not None and bool(torch.isfinite(policy.weight.grad).all())


@pytest.mark.mujoco
def test_what_was_returned_stays_as_it_was(vec: GymnasiumEnv) -> None:
    kept, _ = vec.reset(seed=1)
    copy = kept.clone()
    vec.step(torch.ones(4, 12))
    assert torch.equal(kept, copy)


def skrl_networks(env: Any) -> dict[str, Any]:
    """A policy and a value function, as skrl's users write them."""
    from skrl.models.torch import DeterministicMixin, GaussianMixin, Model

    spaces = {"observation_space": env.observation_space, "action_space": env.action_space, "device": "cpu"}

    def body(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 32), nn.ELU(), nn.Linear(32, outputs))

    class Policy(GaussianMixin, Model):
        def __init__(self) -> None:
            Model.__init__(self, **spaces)
            GaussianMixin.__init__(self)
            self.body = body(self.num_observations, self.num_actions)
            self.log_std = nn.Parameter(torch.zeros(self.num_actions))

        def compute(self, inputs: dict[str, Tensor], role: str) -> Any:
            return self.body(inputs["observations"]), {"log_std": self.log_std}

    class Value(DeterministicMixin, Model):
        def __init__(self) -> None:
            Model.__init__(self, **spaces)
            DeterministicMixin.__init__(self)
            self.body = body(self.num_observations, 1)

        def compute(self, inputs: dict[str, Tensor], role: str) -> Any:
            return self.body(inputs["observations"]), {}

    return {"policy": Policy(), "value": Value()}


@pytest.mark.mujoco
@pytest.mark.parametrize("flat", [True, False])
def test_skrl_trains_with_its_own_wrapper(flat: bool, tmp_path: Any) -> None:
    """Two iterations of its PPO: nothing of ours but the id."""
    pytest.importorskip("skrl", exc_type=ImportError)
    from skrl.agents.torch.ppo import PPO, PPO_CFG
    from skrl.envs.wrappers.torch import wrap_env
    from skrl.memories.torch import RandomMemory
    from skrl.trainers.torch import SequentialTrainer

    env = wrap_env(
        gymnasium.make_vec("parkour/go2-teacher", num_envs=4, device="cpu", engine="mujoco", changes=FEW, flat=flat)
    )
    models = skrl_networks(env)
    before = [p.detach().clone() for p in models["policy"].parameters()]
    cfg = PPO_CFG(rollouts=8, learning_epochs=2, mini_batches=2)
    cfg.experiment.directory, cfg.experiment.write_interval, cfg.experiment.checkpoint_interval = str(tmp_path), 0, 0
    agent = PPO(
        models=models, memory=RandomMemory(memory_size=8, num_envs=env.num_envs, device="cpu"), cfg=cfg,
        observation_space=env.observation_space, action_space=env.action_space, device="cpu",
    )  # fmt: skip
    options = {"timesteps": 16, "headless": True, "close_environment_at_exit": False}
    trainer = SequentialTrainer(env=env, agents=agent, cfg=options)
    trainer.train()
    after = list(models["policy"].parameters())
    assert all(bool(torch.isfinite(p).all()) for p in after)
    assert any(not torch.equal(p, q) for p, q in zip(before, after, strict=True))
    env.close()
