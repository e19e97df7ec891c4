"""The environment as everybody else sees it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from parkour.engines.profile import Phase
from parkour.engines.task_env import TaskEnv, Transition
from parkour.tasks.resolved import ResolvedTask
from parkour_mujoco.env import ParkourEnv
from parkour_mujoco.native_sim import CpuSim


class MujocoVecEnv(TaskEnv):
    """See :meth:`parkour.engines.protocol.Engine.make_env`."""

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
        super().__init__(task, self.env.mdp)
        self.reset()

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

    def _begin(self, env_ids: Tensor | None) -> dict[str, Tensor]:
        return self.env.reset(env_ids=env_ids)[0]

    def _advance(self, actions: Tensor) -> Transition:
        return self.env.transition(actions)

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
