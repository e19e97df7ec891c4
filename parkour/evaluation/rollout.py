"""A policy in a task until every environment has had its episodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import torch
from tensordict import TensorDict
from torch import Tensor

from parkour.engines.device import stepping_threads
from parkour.engines.task_env import TaskEnv
from parkour.errors import ParkourError
from parkour.evaluation.episodes import EpisodeRecorder, EpisodeTable
from parkour.evaluation.metrics import Metric
from parkour.evaluation.protocol import level_plan
from parkour.learning.rng import seed_everything
from parkour.mdp.task_mdp import TaskMdp
from parkour.policies.deployed import DeployedPolicy, load_policy
from parkour.policies.source import Weights
from parkour.tasks.resolved import ResolvedTask

REPORT_EVERY = 25
"""Control steps between looks at how far the episodes are; each is a host sync."""

MakeEnv = Callable[[ResolvedTask, int, str, int], TaskEnv]
"""``(task, num_envs, device, seed) -> env``."""
OnProgress = Callable[[int, int, int, int], None]
"""Told of control steps done, of how many at most, and of episodes scored, of how many."""


class Spectator(Protocol):
    """Watches the robots while they are scored."""

    @property
    def env_options(self) -> Mapping[str, Any]:
        """Arguments of the engine's ``make_env`` for an environment that can be watched."""
        ...

    def begin(self, env: TaskEnv, task: ResolvedTask, policy: DeployedPolicy) -> None:
        """Before the first control step, with the robots' first observations made."""
        ...

    def after_step(self, obs: TensorDict, dones: Tensor) -> None:
        """After every control step: what was observed, and whose episode ended (``[N]``)."""
        ...

    def close(self) -> None: ...


class Nobody:
    """A spectator who looks away."""

    env_options: Mapping[str, Any] = MappingProxyType({})

    def begin(self, env: TaskEnv, task: ResolvedTask, policy: DeployedPolicy) -> None: ...

    def after_step(self, obs: TensorDict, dones: Tensor) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Rollout:
    """What came of it."""

    episodes: EpisodeTable
    steps: int
    """Control steps that were taken."""
    unfit: int
    """Episodes that ended because the policy's action was not finite."""


def quota(steps: int, max_episode_steps: int) -> int:
    """Episodes of each environment that fill at least ``steps`` control steps if all of them last to the time-out."""
    return math.ceil(steps / max_episode_steps)


def roll_out(
    task: ResolvedTask,
    weights: Weights,
    *,
    make_env: MakeEnv,
    num_envs: int,
    steps: int,
    device: str,
    seed: int,
    stratified: bool,
    blank_depth: bool = False,
    allow_mismatch: bool = False,
    metrics: Sequence[Metric] | None = None,
    on_progress: OnProgress = lambda step, steps, episodes, wanted: None,
    spectator: Spectator | None = None,
) -> Rollout:
    """Run the deployed policy of weights, deterministic given the seed.

    Args:
        task: under a protocol.
        weights: of the policy.
        make_env: makes the environment.
        num_envs: N.
        steps: control steps at least, if episodes last so long: see :func:`quota`.
        device: where.
        seed: of courses, randomization and commands.
        stratified: draw levels by :func:`parkour.evaluation.protocol.level_plan`, else leave robots on their patch.
        blank_depth: show the policy nothing but far distances.
        allow_mismatch: run weights that mean something else in this task.
        metrics: what episodes are scored by; all that are registered when None.
        on_progress: told now and then.
        spectator: watches, without a say in what happens; closed at the end.

    Raises:
        CheckpointError: the weights do not fit.
    """
    spectator = spectator or Nobody()
    seed_everything(seed)
    env = make_env(task, num_envs, device, seed)
    try:
        mdp = env.mdp
        if blank_depth:
            _blank_depth(mdp, task)
        policy = load_policy(weights, task, env, allow_mismatch=allow_mismatch)
        recorder = EpisodeRecorder(mdp, quota(steps, mdp.clock.max_episode_steps), metrics)
        if stratified:
            _draw_levels(mdp, recorder, seed)
        # Again, because making a policy draws weights: the random numbers that follow depend on the seed alone.
        seed_everything(seed)
        with stepping_threads(env.device):
            taken = _run(env, policy, task, recorder, spectator, on_progress)
        return Rollout(recorder.table(), taken, recorder.unfit())
    finally:
        spectator.close()
        env.close()


def _blank_depth(mdp: TaskMdp, task: ResolvedTask) -> None:
    if mdp.camera is None:
        raise ParkourError(f"--blank-depth: task {task.name!r} has no depth camera")
    mdp.camera.raycast = see_nothing


def see_nothing(origins: Tensor, rotations: Tensor, rays: Tensor, boxes: Tensor, reach: float) -> Tensor:
    """A :class:`parkour.terrain.rays.RayCaster` for which nothing is within reach: ``[M, R]`` distances [m]."""
    return origins.new_full((len(origins), len(rays)), reach)


def _draw_levels(mdp: TaskMdp, recorder: EpisodeRecorder, seed: int) -> None:
    """Levels by plan, from the first episode on; the reset that begins the run puts them under the robots."""
    course = mdp.course
    drawn = level_plan(course.terrain.cpu().numpy(), course.num_levels, recorder.episodes, seed)
    plan = torch.as_tensor(drawn, device=mdp.device)
    everyone = torch.arange(mdp.num_envs, device=mdp.device)
    course.set_levels(everyone, plan[:, 0])
    mdp.choose_levels = lambda env_ids: plan[env_ids, recorder.finished[env_ids] % recorder.episodes]


def _run(
    env: TaskEnv,
    policy: DeployedPolicy,
    task: ResolvedTask,
    recorder: EpisodeRecorder,
    spectator: Spectator,
    on_progress: OnProgress,
) -> int:
    """Step until all episodes are scored; the number of steps."""
    limit, wanted = recorder.episodes * env.mdp.clock.max_episode_steps, env.mdp.num_envs * recorder.episodes
    env.reset()
    policy.reset()
    on_progress(0, limit, 0, wanted)
    obs = env.get_observations()
    spectator.begin(env, task, policy)
    env.mdp.monitor = recorder
    with torch.inference_mode():
        for step in range(1, limit + 1):
            obs, _, dones, _ = env.step(policy(obs))
            policy.reset(dones)
            spectator.after_step(obs, dones)
            if step % REPORT_EVERY == 0 or step == limit:
                on_progress(step, limit, recorder.scored(), wanted)
                if recorder.complete():
                    return step
    return limit
