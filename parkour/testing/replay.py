"""An environment that shows recorded states whatever it is told to do: to run a policy without a simulator."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from parkour.engines.task_env import TaskEnv, Transition
from parkour.mdp.context import StepContext
from parkour.policies.deployed import build_actor as build_actor
from parkour.tasks.build import build_camera, build_observations
from parkour.tasks.resolved import ResolvedTask
from parkour.testing.recorded import Moment, recorded_moments
from parkour.testing.subject import NotChecked


class ReplayMdp:
    """What policies and checkpoints ask an environment's MDP for."""

    def __init__(self, task: ResolvedTask, num_envs: int) -> None:
        self.num_envs, self.device = num_envs, "cpu"
        self.observations = build_observations(task, num_envs=num_envs, device="cpu")
        self.refreshed: Tensor | None = None

    def receive(self, actions: Tensor) -> Tensor:
        return actions

    def restart(self, seed: int) -> None:
        """The recording is what it is."""

    def drain_statistics(self) -> dict[str, Tensor]:
        return {}

    def state_dict(self) -> dict[str, object]:
        return {}

    def load_state_dict(self, state: dict[str, object]) -> None:
        pass


class ReplayEnv(TaskEnv):
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
        mdp: Any = ReplayMdp(task, first.num_envs)
        super().__init__(task, mdp)
        self._camera = build_camera(task, self.num_envs, "cpu")
        self._moment = -1
        self._observations = self._observe()

    def _begin(self, env_ids: Tensor | None) -> dict[str, Tensor]:
        self.episode_length_buf[slice(None) if env_ids is None else env_ids] = 0
        return self._observations

    def _advance(self, actions: Tensor) -> Transition:
        reward = torch.exp(-actions.detach().square().mean(dim=-1))
        failed = torch.zeros(self.num_envs, dtype=torch.bool)
        failed[self.moments[(self._moment + 1) % len(self.moments)].ended] = True
        self.episode_length_buf = torch.where(failed, 0, self.episode_length_buf + 1)
        no = torch.zeros_like(failed)
        return Transition(self._observe(), reward, failed, no, no)

    def close(self) -> None:
        pass

    def _observe(self) -> dict[str, Tensor]:
        self._moment += 1
        moment = self.moments[self._moment % len(self.moments)]
        if len(moment.ended):
            self.mdp.observations.reset(moment.ended)
        with torch.no_grad():
            return dict(self.mdp.observations.compute(self._seen(moment.observed)))

    def _seen(self, ctx: StepContext) -> StepContext:
        """The state, with depth pictures if the task has a camera."""
        new = torch.arange(self.num_envs) if self._moment == 0 else ctx.perception.nonzero().squeeze(-1)
        self.mdp.refreshed = new
        if self._camera is None:
            return ctx
        course: Any = ctx.course
        ids = self._camera.update(ctx.robot, course, new)
        perception = torch.zeros_like(ctx.perception).index_fill(0, new, True)
        return dataclasses.replace(ctx, depth=self._camera.depth, depth_ids=ids, perception=perception)
