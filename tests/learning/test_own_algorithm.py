"""An off-policy algorithm in the training loop: it learns, is saved, goes on, and its policy acts elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from parkour.learning.train import train
from parkour.policies.deployed import load_actor
from parkour.policies.source import weights_at
from tests.learning.fakes import FakeEnv, fake_task, make_env
from tests.learning.off_policy import define
from tests.learning.runs import options


def off_policy_task() -> Any:
    task = fake_task("algorithm.steps_per_env=8")
    return replace(task, policy=replace(task.policy, target=define))


def test_it_learns_is_saved_and_goes_on(tmp_path: Path) -> None:
    task = off_policy_task()
    first = train(task, options(tmp_path, iterations=30, save_interval=30, num_envs=64), make_env=make_env)
    rows = [json.loads(line) for line in (first.run / "metrics.jsonl").read_text().splitlines()]
    returns = [row["Train/mean_reward"] for row in rows if "Train/mean_reward" in row]
    assert sum(returns[-3:]) / 3 > sum(returns[3:9]) / 6 + 5.0
    assert {"Loss/critic", "Loss/actor", "Policy/mean_std"} <= rows[-1].keys()

    weights = weights_at(first.checkpoint)
    assert {"actor_state_dict", "critic_state_dict", "target_state_dict"} <= weights.checkpoint.model.keys()
    more = options(tmp_path, iterations=31, num_envs=64, resume=True, checkpoint=first.checkpoint)
    again = train(task, more, make_env=make_env)
    assert again.iterations == 31

    env = FakeEnv(64, weights.checkpoint.seed)
    actor = load_actor(weights, task, env)
    obs = env.get_observations()
    with torch.inference_mode():
        better = (actor(obs) - obs["proprioception"] @ env.target).square().mean()
    assert better < (obs["proprioception"] @ env.target).square().mean()
