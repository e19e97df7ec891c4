"""The policy that a training run leaves: what loads it acts as training did, and films of it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from parkour.learning import video as video_module
from parkour.learning.train import train
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.policies.deployed import load_actor, load_policy
from parkour.policies.source import weights_at
from tests.learning.fakes import FakeEnv, fake_task, make_env
from tests.learning.runs import options, run


def test_loaded_policy_is_the_trained_actor_on_deployed_inputs(tmp_path: Path) -> None:
    result = run(tmp_path)
    env = FakeEnv(5, seed=3)
    actions = load_policy(weights_at(result.checkpoint), fake_task(), env)(env.get_observations())
    actor = load_actor(weights_at(result.checkpoint), fake_task(), env)
    assert not actor.training
    assert torch.equal(actions, actor(env.get_observations()))
    assert torch.equal(actions, actor.train().act_inference(env.get_observations()))
    other = env.get_observations().clone()
    other["privileged_latent"] += 1.0
    other["privileged_explicit"] += 1.0
    assert torch.equal(actions, load_policy(weights_at(result.checkpoint), fake_task(), env)(other))


def test_runner_and_loaded_policy_act_alike(tmp_path: Path) -> None:
    from parkour.learning.runner import TrainingRunner
    from parkour_policies.rma_teacher import rma_teacher

    result = run(tmp_path)
    env = FakeEnv(5, seed=3)
    runner = TrainingRunner(env, rma_teacher(fake_task()).train_cfg | {"num_steps_per_env": 4})
    runner.alg.load(load_checkpoint(result.checkpoint).model, {"actor": True, "critic": True}, True)
    policy = load_policy(weights_at(result.checkpoint), fake_task(), env)
    assert torch.equal(runner.get_inference_policy()(env.get_observations()), policy(env.get_observations()))


class Camera(FakeEnv):
    def render(self) -> np.ndarray:
        return np.full((33, 48, 3), self.steps % 255, dtype=np.uint8)


@pytest.mark.parametrize("codec", ["mp4", "webp"])
def test_video_of_the_policy(tmp_path: Path, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if codec == "webp":
        monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    else:
        pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setattr(video_module, "SECONDS", 1.0)
    result = train(fake_task(), options(tmp_path, video=True), make_env=lambda task, n, device, seed: Camera(n, seed))
    film = result.run / "videos" / f"model_4.{codec}"
    assert film.stat().st_size > 100


def test_engine_without_pictures_loses_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    result = train(fake_task(), options(tmp_path, video=True), make_env=make_env, notify=said.append)
    assert result.checkpoint.is_file() and any("--video: the engine gives no pictures" in line for line in said)
