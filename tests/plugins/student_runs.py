"""A student in a fake environment: its runner, and rollouts of it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from tensordict import TensorDict
from torch import nn

from parkour.learning.runner import TrainingRunner
from parkour_policies.depth_encoders import DepthGru, depth_gru
from parkour_policies.rma_actor import EncoderChoice
from parkour_policies.rma_student import rma_student
from tests.learning.student_fakes import (
    IMAGE,
    SMALL,
    FakeStudentEnv,
    student_task,
)

STEPS = 10


def make_runner(
    *sets: str, env: FakeStudentEnv | None = None, teacher: bool = True, encoder: EncoderChoice | None = None,
    small: tuple[str, ...] = SMALL,
) -> TrainingRunner:  # fmt: skip
    torch.manual_seed(0)
    definition = rma_student(student_task(*sets, small=small))
    cfg: dict[str, Any] = {**definition.train_cfg, "num_steps_per_env": STEPS, "save_interval": 1}
    if encoder is not None:
        cfg["student"] = {**cfg["student"], "depth_encoder": encoder}
    runner = TrainingRunner(env or FakeStudentEnv(), cfg)
    if teacher:
        runner.alg.load_teacher(copy.deepcopy(runner.alg.teacher.state_dict()))
    return runner


def rollout(runner: TrainingRunner, steps: int = STEPS, iteration: int = 0) -> list[TensorDict]:
    """A rollout into the storage; what was observed before each step."""
    runner.alg.train_mode()
    runner.alg.begin_iteration(iteration)
    obs, seen = runner.env.get_observations(), []
    with torch.inference_mode():
        for _ in range(steps):
            seen.append(obs.clone())
            actions = runner.alg.act(obs)
            obs, rewards, dones, extras = runner.env.step(actions)
            runner.alg.process_env_step(obs, rewards, dones, extras)
    return seen


def numbers(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def small_gru(latent: int = 34) -> DepthGru:
    torch.manual_seed(3)
    return depth_gru((*IMAGE, 53), latent, channels=(4, 6), hidden_dim=24, memory=20)  # type: ignore[return-value]
