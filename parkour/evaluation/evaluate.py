"""From a choice of weights and a protocol to an evaluation: one call for the command line and for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parkour.arguments import seed_number, whole
from parkour.engines.choice import check_engine_options, choose_engine
from parkour.engines.device import choose_device
from parkour.engines.make import make_task_env
from parkour.engines.task_env import TaskEnv
from parkour.errors import CheckpointError, ParkourError
from parkour.evaluation.episodes import EpisodeTable
from parkour.evaluation.metrics import find_metrics
from parkour.evaluation.protocol import EvaluationProtocol, TaskChanges, evaluation_task, find_protocol
from parkour.evaluation.rollout import MakeEnv, OnProgress, Rollout, Spectator, quota, roll_out
from parkour.evaluation.summary import Breakdown, break_down
from parkour.packages import versions
from parkour.policies.checkpoint_file import EARLIER
from parkour.policies.source import Weights
from parkour.specs import TerrainSpec
from parkour.tasks.build import has_depth_camera
from parkour.tasks.resolved import ResolvedTask
from parkour.text import counted

DEFAULT_NUM_ENVS = 256
DEFAULT_STEPS = 1500
MOST_ENVS, MOST_STEPS = 1_000_000, 10_000_000


@dataclass(frozen=True)
class EvaluationOptions:
    """What is not part of the task."""

    protocol: str = "course"
    num_envs: int = DEFAULT_NUM_ENVS
    steps: int = DEFAULT_STEPS
    """Control steps at least, rounded up to whole episodes; fewer where all end earlier."""
    seed: int = 1
    device: str | None = None
    engine: str | None = None
    blank_depth: bool = False
    """Show the policy nothing but far distances."""
    changes: TaskChanges = field(default_factory=TaskChanges)
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the engine's own."""


@dataclass(frozen=True)
class Evaluation:
    """A policy's figures, and what they were measured with."""

    weights: Weights
    task: ResolvedTask
    """Under the protocol."""
    protocol: EvaluationProtocol
    options: EvaluationOptions
    device: str
    engine: str
    """Canonical id."""
    versions: dict[str, str]
    """Of the packages that the figures depend on."""
    steps: int
    """Control steps that were taken."""
    episodes_per_environment: int
    """Quota of each environment."""
    episodes: EpisodeTable
    breakdown: Breakdown
    unfit: int = 0
    """Episodes that ended because the policy's action was not finite; they count as falls."""

    @property
    def success(self) -> float:
        """Share of the episodes that reached every way point; NaN where none ended."""
        return self.breakdown.overall.metrics["success"].mean

    @property
    def unfinished(self) -> int:
        """Episodes that were to be scored and had not ended; they are in no figure."""
        return int(self.episodes.unfinished.sum())


def check_fit(evaluations: Iterable[Evaluation]) -> None:
    """Whether every action was one; the figures of a policy of which some were not say nothing of its walking.

    Raises:
        CheckpointError: some were not.
    """
    for each in evaluations:
        if each.unfit:
            raise CheckpointError(
                f"checkpoint {each.weights.path}: in {each.unfit} of {len(each.episodes)} episodes an action of the "
                "policy was NaN or infinite, expected finite ones; such episodes count as falls",
                hint=EARLIER,
            )


def check_options(options: EvaluationOptions) -> EvaluationProtocol:
    """The protocol, if the numbers can be.

    Raises:
        ParkourError: they cannot.
    """
    whole("--num-envs", options.num_envs, 1, MOST_ENVS)
    whole("--steps", options.steps, 1, MOST_STEPS)
    seed_number("--seed", options.seed)
    return find_protocol(options.protocol)


def evaluate(
    weights: Weights,
    options: EvaluationOptions,
    *,
    task: ResolvedTask | None = None,
    make_env: MakeEnv | None = None,
    on_progress: OnProgress = lambda step, steps, episodes, wanted: None,
    notify: Callable[[str], None] = lambda line: None,
    spectator: Spectator | None = None,
) -> Evaluation:
    """Score a checkpoint.

    Args:
        weights: the checkpoint.
        options: how.
        task: under the protocol; that of the weights with the changes of ``options`` when None.
        make_env: makes the environment; the engine's when None.
        on_progress: told now and then how far it is.
        notify: told in a line what was chosen and what to beware of.
        spectator: watches.

    Raises:
        ParkourError: bad options, a task that cannot be rebuilt, weights that do not fit, no such device or engine.
    """
    protocol = check_options(options)
    task = task or evaluation_task(weights, protocol, options.changes)
    if options.blank_depth and not has_depth_camera(task):
        raise ParkourError(f"--blank-depth: the policy of {task.name!r} sees no depth camera")
    device = choose_device(options.device)
    engine_id = "custom"
    if make_env is None:
        engine_id, make_env = _engine(options, spectator)
    _warn(task, protocol, options, notify)
    rollout = roll_out(
        task,
        weights,
        make_env=make_env,
        num_envs=options.num_envs,
        steps=options.steps,
        device=device,
        seed=options.seed,
        stratified=protocol.stratified,
        blank_depth=options.blank_depth,
        allow_mismatch=options.changes.allow_mismatch,
        metrics=find_metrics(notify=notify),
        on_progress=on_progress,
        spectator=spectator,
    )
    result = _figures(weights, task, protocol, options, rollout, device=device, engine=engine_id)
    if result.unfinished:
        notify(
            f"{result.unfinished} of {result.unfinished + len(result.episodes)} episodes had not ended after "
            f"{rollout.steps} steps, as nothing in the task ends them, and are left out of all figures"
        )
    return result


def _figures(
    weights: Weights, task: ResolvedTask, protocol: EvaluationProtocol, options: EvaluationOptions, rollout: Rollout,
    *, device: str, engine: str,
) -> Evaluation:  # fmt: skip
    return Evaluation(
        weights=weights,
        task=task,
        protocol=protocol,
        options=options,
        device=device,
        engine=engine,
        versions=versions(),
        steps=rollout.steps,
        episodes_per_environment=quota(options.steps, task.model.max_episode_steps),
        episodes=rollout.episodes,
        breakdown=_breakdown(task, rollout),
        unfit=rollout.unfit,
    )


def _engine(options: EvaluationOptions, spectator: Spectator | None) -> tuple[str, MakeEnv]:
    identity, engine = choose_engine(options.engine)
    check_engine_options(identity, engine, options.engine_options)
    more = {**({} if spectator is None else spectator.env_options), **options.engine_options}

    def make(task: ResolvedTask, num_envs: int, device: str, seed: int) -> TaskEnv:
        return make_task_env(engine, task, num_envs=num_envs, device=device, seed=seed, options=more)

    return identity, make


def _warn(
    task: ResolvedTask, protocol: EvaluationProtocol, options: EvaluationOptions, notify: Callable[[str], None]
) -> None:
    """What makes figures less than they could be."""
    spread = f"{counted(options.num_envs, 'environment')} on {counted(len(task.terrains), 'terrain')}"
    if options.num_envs < len(task.terrains):
        notify(f"{spread}: some are left out (--num-envs {len(task.terrains)})")
    elif protocol.equal_shares and options.num_envs % len(task.terrains):
        least = options.num_envs // len(task.terrains)
        notify(f"{spread}: {least} or {least + 1} on each, and overall figures weigh them so")


def _breakdown(task: ResolvedTask, rollout: Rollout) -> Breakdown:
    low, high = task.model.course.difficulty_range
    ungraded = [
        name for name, part in task.terrains.items() if isinstance(part.spec, TerrainSpec) and not part.spec.graded
    ]
    return break_down(rollout.episodes, (float(np.float32(low)), float(np.float32(high))), ungraded)
