"""The environment as rsl-rl sees it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from rsl_rl.env import VecEnv
from tensordict import TensorDict
from torch import Tensor

from parkour.engines.profile import Phase
from parkour.mdp.task_mdp import TaskMdp
from parkour.tasks.resolved import ResolvedTask
from parkour_mujoco.env import ParkourEnv
from parkour_mujoco.native_sim import CpuSim


class MujocoVecEnv(VecEnv):
    """See :meth:`parkour.engines.protocol.Engine.make_env`.

    ``extras["log"]`` is filled once per ``steps_per_env`` steps of the task's algorithm, that is once per iteration,
    with means over the episodes that ended since.
    """

    def __init__(
        self,
        task: ResolvedTask,
        *,
        num_envs: int,
        device: str,
        seed: int,
        render: bool = False,
        cpu_sim: CpuSim = "native",
    ) -> None:
        self.env = ParkourEnv(task, num_envs=num_envs, device=device, seed=seed, render=render, cpu_sim=cpu_sim)
        self.num_envs = num_envs
        self.num_actions = self.env.num_actions
        self.max_episode_length = task.model.max_episode_steps
        self.device = torch.device(self.env.device)
        self.cfg = task.model.model_dump(mode="json")
        self._log_interval = task.model.algorithm.steps_per_env
        self._steps = 0
        self.env.reset()

    @property
    def mdp(self) -> TaskMdp:
        """The task's own part: course, goals, rewards, statistics."""
        return self.env.mdp

    @property
    def unwrapped(self) -> ParkourEnv:
        return self.env

    @property
    def episode_length_buf(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """``[N]`` int64: control steps since each episode's start."""
        return self.env.episode_length_buf

    @episode_length_buf.setter
    def episode_length_buf(self, value: Tensor) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        with torch.inference_mode():
            self.env.episode_length_buf[:] = value

    def get_observations(self) -> TensorDict:
        return TensorDict(self.env.get_observations(), batch_size=[self.num_envs])  # pyright: ignore[reportArgumentType]

    def reset(self) -> tuple[TensorDict, dict[str, Any]]:
        """Begin new episodes everywhere."""
        self.env.reset()
        return self.get_observations(), {}

    def begin(self, env_ids: Tensor) -> None:
        """Begin new episodes in ``env_ids`` (``[M]`` int64) alone, whether theirs are over or not."""
        self.env.reset(env_ids=env_ids)

    def step(self, actions: Tensor) -> tuple[TensorDict, Tensor, Tensor, dict[str, Any]]:
        observations, reward, failed, ended, _ = self.env.step(actions)
        self._steps += 1
        extras: dict[str, Any] = {"time_outs": ended}
        if self._steps % self._log_interval == 0:
            extras["log"] = self.mdp.drain_statistics()
        done = (failed | ended).long()
        return TensorDict(observations, batch_size=[self.num_envs]), reward, done, extras  # pyright: ignore[reportArgumentType]

    def simulate_only(self, steps: int) -> None:
        """Physics alone for ``steps`` control steps: the yardstick of benchmarks."""
        self.env.simulate_only(steps)

    def phases(self) -> list[Phase]:
        """The parts of a step, for a profile."""
        return self.env.phases()

    def render(self) -> np.ndarray | None:
        """``[height, width, 3]`` uint8 picture of the first environment, if it was made with ``render=True``."""
        return self.env.render()

    def close(self) -> None:
        self.env.close()
