"""What only a GPU can show: the update has no host sync, and resuming works there."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

from parkour.learning.options import TrainOptions
from parkour.learning.runner import TrainingRunner
from parkour.learning.statistics import RolloutStatistics
from parkour.learning.train import train
from parkour_policies.rma_teacher import rma_teacher
from tests.learning.fakes import FakeEnv, fake_task, make_env

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize("iteration", [1, 3000, 20])
def test_an_update_waits_for_the_device_once(iteration: int) -> None:
    task = fake_task("algorithm.params.mini_batches=4", "algorithm.params.epochs=5")
    env = FakeEnv(64, device="cuda:0")
    runner = TrainingRunner(env, rma_teacher(task).train_cfg | {"num_steps_per_env": 4}, None, "cuda:0")
    alg = runner.alg
    for _ in range(2):  # the first one allocates the optimizers' states
        alg.begin_iteration(iteration)
        obs = env.get_observations()
        with torch.inference_mode():
            for _ in range(4):
                obs, rewards, dones, extras = env.step(alg.act(obs))
                alg.process_env_step(obs, rewards, dones, extras)
            alg.compute_returns(obs)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                alg.update()
            finally:
                torch.cuda.set_sync_debug_mode("default")
    waits = [item for item in caught if "synchronizing" in str(item.message)]
    assert len(waits) <= 2, [f"{item.filename}:{item.lineno}" for item in waits]


@pytest.mark.parametrize("graphs", [True, False])
def test_a_rollout_waits_for_nothing(graphs: bool) -> None:
    env = FakeEnv(64, device="cuda:0")
    runner = TrainingRunner(env, rma_teacher(fake_task()).train_cfg | {"num_steps_per_env": 12}, None, "cuda:0")
    alg = runner.alg
    if not graphs:
        alg.acting.disable("not wanted")
    obs, rewards, dones, extras = env.step(torch.zeros(64, 12, device="cuda:0"))
    statistics = RolloutStatistics(64, "cuda:0")
    with torch.inference_mode(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(12):  # the first ones allocate memory, and are recorded
            torch.cuda.set_sync_debug_mode("warn" if step > 7 else "default")
            alg.act(obs)
            alg.process_env_step(obs, rewards, dones, extras)
            statistics.add(rewards, dones, None)
        alg.compute_returns(obs)
        torch.cuda.set_sync_debug_mode("default")
    waits = [item for item in caught if "called a synchronizing" in str(item.message)]
    assert not waits, [f"{item.filename}:{item.lineno}" for item in waits]
    assert alg.acting.captured(("act", "privileged")) == graphs


def test_run_and_resume_on_a_gpu(tmp_path: Path) -> None:
    options = TrainOptions(
        num_envs=32, iterations=3, save_interval=2, device="cuda", log_root=tmp_path, logger="none", progress=False
    )
    train(fake_task(), options, make_env=make_env)
    again = TrainOptions(iterations=5, device="cuda", log_root=tmp_path, logger="none", progress=False, resume=True)
    result = train(fake_task(), again, make_env=make_env)
    assert result.iterations == 5 and result.checkpoint.name == "model_5.pt"
    assert result.metrics["Perf/collection_time"] > 0.0
