"""What is decided of a training before anything slow happens: weights, options, engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from parkour.arguments import seed_number, whole
from parkour.engines.choice import check_engine_options, choose_engine, choose_num_envs
from parkour.engines.device import choose_device, rank
from parkour.engines.make import make_task_env
from parkour.engines.task_env import TaskEnv
from parkour.errors import ParkourError
from parkour.learning.callbacks import ChosenCallback, find_callbacks
from parkour.learning.loggers import NO_LOGGER, find_logger
from parkour.learning.options import DEFAULT_SEED, RunResult, TrainOptions
from parkour.learning.resume import complete, first_weights, kept_checkpoints, not_kept, total_iterations
from parkour.learning.run_folder import commit_here
from parkour.learning.run_options import RunOptions, now, read_run_options
from parkour.policies.checkpoint_folder import LARGEST_NUMBER
from parkour.policies.definition import PolicyDefinition, define_training
from parkour.policies.fit import check_meaning
from parkour.policies.source import Weights, weights_at
from parkour.tasks.resolved import ResolvedTask
from parkour.text import counted

VIDEO = "video"
"""The callback that ``--video`` is short for."""
MakeEnv = Callable[[ResolvedTask, int, str, int], TaskEnv]
"""``(task, num_envs, device, seed) -> env``."""


@dataclass(frozen=True)
class TrainPlan:
    """A training that may begin."""

    options: TrainOptions
    """Those of the caller, and of a resumed run where the caller leaves them open."""
    run: RunOptions
    """As the run folder keeps them."""
    definition: PolicyDefinition
    callbacks: tuple[ChosenCallback, ...]
    """Those that are named."""
    make_env: MakeEnv
    start: Weights | None
    """The checkpoint to begin with: of the run that resumes, of a teacher."""
    student: Weights | None
    """A student to begin with."""

    @property
    def seed(self) -> int:
        """Of this process."""
        return self.run.seed + rank()


def plan_training(
    task: ResolvedTask,
    options: TrainOptions,
    start: Weights | None,
    make_env: MakeEnv | None,
    say: Callable[[str], None],
) -> TrainPlan | RunResult:
    """The plan of a training, or how the run ended if nothing is left to train.

    Args:
        task: with the overlay ``train``.
        options: what is not part of the task.
        start: the checkpoint that ``options`` names, where it was read before.
        make_env: makes the environment; the engine's when None.
        say: told in a line what was chosen.

    Raises:
        ParkourError: bad options, no such device, an engine that cannot run, a checkpoint that does not fit.
    """
    check_options(options, task.model.stage)
    logger, callbacks = find_logger(options.logger), find_callbacks(wanted_callbacks(options))
    definition = define_training(task)
    if unread := [group for group in task.observations if group not in definition.groups]:
        say(f"observation groups that {task.policy.id} does not read: {', '.join(unread)}")
    device = choose_device(options.device)
    start, student = _weights(task, options, start, definition)
    resumed = start if options.resume else None
    kept = read_run_options(resumed.path.parent) if resumed else None
    total = total_iterations(task, options, kept)
    if resumed and resumed.checkpoint.iteration >= total:
        return complete(resumed, options.iterations, say)
    run = replace(
        _run_options(task, replace(options, iterations=total), device, resumed, kept),
        callbacks=[each.component.id for each in callbacks],
        logger=logger.id if logger else NO_LOGGER,
    )
    if make_env is None:
        render = rank() == 0 and any(each.renders for each in callbacks)
        make_env, run = _engine_env(options, run, kept, render, say)
    if kept and (line := not_kept(kept, run)):
        say(line)
    default = options.num_envs is None and resumed is None
    origin = " (the task's default for this device; --num-envs changes it)" if default else ""
    say(f"training {task.name} with {counted(run.num_envs, 'environment')} on {device}{origin}")
    options = replace(options, iterations=total, keep=run.keep, engine=run.engine, engine_options=run.engine_options)
    return TrainPlan(options, run, definition, callbacks, make_env, start, student)


def _weights(
    task: ResolvedTask, options: TrainOptions, start: Weights | None, definition: PolicyDefinition
) -> tuple[Weights | None, Weights | None]:
    """The checkpoint to begin with, and the student to begin with, whose inputs mean what the task's do."""
    start = first_weights(task, options, start)
    student = None if options.student is None else weights_at(options.student)
    for weights in (start, student):
        if weights is not None:
            check_meaning(
                weights.path, weights.checkpoint, task, definition.groups, allow_mismatch=options.allow_mismatch
            )
    return start, student


def _run_options(
    task: ResolvedTask, options: TrainOptions, device: str, resumed: Weights | None, kept: RunOptions | None
) -> RunOptions:
    """Those of the caller, or of the resumed run, or the task's."""
    before = resumed.checkpoint if resumed else None
    return RunOptions(
        engine=options.engine or "custom",
        device=device,
        num_envs=choose_num_envs(
            before.num_envs if before and options.num_envs is None else options.num_envs, task, device
        ),
        seed=options.seed if options.seed is not None else before.seed if before else DEFAULT_SEED,
        engine_options=dict(options.engine_options),
        iterations=options.iterations or 0,
        number=kept.number if kept else 0,
        began=kept.began if kept else now(),
        save_interval=options.save_interval or task.model.algorithm.save_interval,
        keep=kept_checkpoints(options, kept),
        commit=commit_here(),
        video_interval=options.video_interval or 0,
    )


def _engine_env(
    options: TrainOptions, run_options: RunOptions, kept: RunOptions | None, render: bool, say: Callable[[str], None]
) -> tuple[MakeEnv, RunOptions]:
    """The engine's environments, and the run's options with the engine's; those of a resumed run are ``kept``."""
    identity, engine = choose_engine(options.engine)
    run_options = replace(run_options, engine=identity)
    if not run_options.engine_options:
        run_options = run_options.going_on_from(kept)
    check_engine_options(identity, engine, run_options.engine_options)
    chosen = "".join(f", {name} {value}" for name, value in run_options.engine_options.items())
    say(f"engine {identity}{chosen}")

    def make(task: ResolvedTask, num_envs: int, device: str, seed: int) -> TaskEnv:
        more = run_options.engine_options
        return make_task_env(engine, task, num_envs=num_envs, device=device, seed=seed, render=render, options=more)

    return make, run_options


def check_options(options: TrainOptions, stage: str) -> None:
    """Options that are wrong whatever the machine.

    Raises:
        ParkourError: one is.
    """
    least_one = {
        "--iterations": options.iterations,
        "--save-interval": options.save_interval,
        "--video-interval": options.video_interval,
    }
    for name, value in least_one.items():
        if value is not None:
            whole(name, value, 1, LARGEST_NUMBER)
    if options.keep is not None:
        if options.keep < 0:
            raise ParkourError(f"--keep: got {options.keep}, expected at least 1, or 0 for all")
        whole("--keep", options.keep, 0, LARGEST_NUMBER)
    if options.time_limit is not None and not options.time_limit > 0:
        raise ParkourError(f"--time-limit: got {options.time_limit:g} minutes, expected more than 0")
    if options.seed is not None:
        seed_number("--seed", options.seed)
    if options.student is not None and (options.resume or stage != "student"):
        other = "--resume" if options.resume else f"a {stage}'s task"
        raise ParkourError(f"got --student and {other}: a student's weights are what a new student begins with")
    if options.resume:
        return
    if stage == "student" and options.run is None and options.checkpoint is None:
        raise ParkourError(
            "no teacher given: a student is trained from a teacher's checkpoint",
            hint="parkour train --stage student --pretrained (or --checkpoint FILE, or --run DIR of a teacher's run)",
        )
    if options.run is not None and stage != "student":
        raise ParkourError("--run names a run to resume", hint="add --resume")


def wanted_callbacks(options: TrainOptions) -> dict[str, Mapping[str, Any]]:
    """Those that are named, and the one that ``--video`` is short for."""
    return {**options.callbacks, **({VIDEO: {}} if options.video else {})}
