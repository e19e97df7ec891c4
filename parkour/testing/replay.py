"""An environment that shows recorded states whatever it is told to do: to run a policy without a simulator."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from rsl_rl.env import VecEnv
from tensordict import TensorDict
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.tasks.build import build_camera, build_observations
from parkour.tasks.resolved import ResolvedTask
from parkour.testing.recorded import Moment, recorded_moments
from parkour.testing.subject import NotChecked


class ReplayMdp:
    """What policies and checkpoints ask an environment's MDP for."""

    def __init__(self, task: ResolvedTask, num_envs: int) -> None:
        self.observations = build_observations(task, num_envs=num_envs, device="cpu")
        self.refreshed: Tensor | None = None

    def state_dict(self) -> dict[str, object]:
        return {}

    def load_state_dict(self, state: dict[str, object]) -> None:
        pass


class ReplayEnv(VecEnv):
    """The recording, over and over, seen by a task's observation groups.

    Rewards are higher for smaller actions, so that there is something to learn. Episodes end where they did.

    Args:
        task: whose observations and robot.

    Raises:
        NotChecked: the recording is of another robot.
    """

    def __init__(self, task: ResolvedTask) -> None:
        self.moments: list[Moment] = recorded_moments()
        first = self.moments[0].observed
        if first.layout.joints != task.robot.joints:
            raise NotChecked(f"the recorded states are of the robot {first.layout.name!r}, not of {task.robot.name!r}")
        self.num_envs, self.num_actions = first.num_envs, task.robot.num_joints
        self.max_episode_length = task.model.max_episode_steps
        self.device, self.cfg = torch.device("cpu"), {}
        self.episode_length_buf = torch.zeros(self.num_envs, dtype=torch.int64)
        self.mdp = ReplayMdp(task, self.num_envs)
        self._camera = build_camera(task, self.num_envs, "cpu")
        self._task, self._step = task, -1
        self._observed = self._observe()

    def get_observations(self) -> TensorDict:
        return self._observed

    def reset(self) -> tuple[TensorDict, dict[str, Any]]:
        self.episode_length_buf.zero_()
        return self._observed, {}

    def step(self, actions: Tensor) -> tuple[TensorDict, Tensor, Tensor, dict[str, Any]]:
        reward = torch.exp(-actions.detach().square().mean(dim=-1))
        done = torch.zeros(self.num_envs, dtype=torch.int64)
        done[self.moments[(self._step + 1) % len(self.moments)].ended] = 1
        self.episode_length_buf = torch.where(done > 0, 0, self.episode_length_buf + 1)
        self._observed = self._observe()
        return self._observed, reward, done, {"time_outs": torch.zeros(self.num_envs, dtype=torch.bool)}

    def close(self) -> None:
        pass

    def _observe(self) -> TensorDict:
        self._step += 1
        moment = self.moments[self._step % len(self.moments)]
        if len(moment.ended):
            self.mdp.observations.reset(moment.ended)
        with torch.no_grad():
            groups = self.mdp.observations.compute(self._seen(moment.observed))
        return TensorDict(dict(groups), batch_size=[self.num_envs])  # pyright: ignore[reportArgumentType]

    def _seen(self, ctx: StepContext) -> StepContext:
        """The state, with depth pictures if the task has a camera."""
        new = torch.arange(self.num_envs) if self._step == 0 else ctx.perception.nonzero().squeeze(-1)
        self.mdp.refreshed = new
        if self._camera is None:
            return ctx
        course: Any = ctx.course
        ids = self._camera.update(ctx.robot, course, new)
        perception = torch.zeros_like(ctx.perception).index_fill(0, new, True)
        return dataclasses.replace(ctx, depth=self._camera.depth, depth_ids=ids, perception=perception)
