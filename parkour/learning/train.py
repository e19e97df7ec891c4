"""One call from a resolved task to a trained policy in a run folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rsl_rl.utils import resolve_callable

from parkour.engines.choice import check_engine_options, choose_engine, choose_num_envs
from parkour.engines.device import choose_device, rank
from parkour.engines.make import make_task_env
from parkour.engines.task_env import TaskEnv
from parkour.errors import ParkourError
from parkour.learning.logging import make_loggers
from parkour.learning.options import DEFAULT_SEED, LOGGERS, RunResult, TrainOptions
from parkour.learning.progress import make_progress
from parkour.learning.rng import seed_everything
from parkour.learning.run_folder import (
    TASK_FILE,
    Choices,
    check_resumed,
    make_run_folder,
    read_choices,
    remove_if_unused,
    resume_source,
    store_git_state,
    write_choices,
)
from parkour.learning.runner import Listener, TrainingRunner, process_group
from parkour.learning.signals import StopSignals
from parkour.learning.state import RunState
from parkour.policies.definition import PolicyDefinition, define_policy
from parkour.policies.fit import check_meaning, check_teacher, make_stamp
from parkour.policies.source import Weights, weights_at
from parkour.storage import write_text
from parkour.tasks import task_tables, task_to_toml
from parkour.tasks.resolved import ResolvedTask

MakeEnv = Callable[[ResolvedTask, int, str, int], TaskEnv]
"""``(task, num_envs, device, seed) -> env``."""


def train(
    task: ResolvedTask,
    options: TrainOptions,
    *,
    console: Console | None = None,
    notify: Callable[[str], None] = lambda line: None,
    make_env: MakeEnv | None = None,
    listeners: list[Listener] | None = None,
    start: Weights | None = None,
) -> RunResult:
    """Train ``task`` and leave checkpoints, metrics and the task in a run folder.

    Args:
        task: with the overlay ``train``.
        options: what is not part of the task.
        console: for the progress display; standard output when None.
        notify: told in a line what was chosen and what could not be done.
        make_env: makes the environment; the engine's when None.
        listeners: told of every iteration besides the loggers.
        start: the checkpoint that ``options`` names, where it was read before.

    Raises:
        ParkourError: bad options, no such device, an engine that cannot run, a folder that cannot be written, a
            checkpoint that does not fit.
    """
    _check(options, task.model.stage)
    say = notify if rank() == 0 else (lambda line: None)
    definition = define_policy(task)
    device = choose_device(options.device)
    start = _start(task, options, start)
    student = None if options.student is None else weights_at(options.student)
    for weights in (start, student):
        if weights is not None:
            check_meaning(
                weights.path, weights.checkpoint, task, definition.groups, allow_mismatch=options.allow_mismatch
            )
    before = start.checkpoint if start and options.resume else None
    num_envs = choose_num_envs(
        before.num_envs if before and options.num_envs is None else options.num_envs, task, device
    )
    run_seed = options.seed if options.seed is not None else before.seed if before else DEFAULT_SEED
    choices = Choices(options.engine or "custom", device, num_envs, run_seed, dict(options.engine_options))
    if make_env is None:
        make_env, choices = _engine_env(options, choices, start.path.parent if start and before else None, say)
    default = options.num_envs is None and before is None
    origin = " (the task's default for this device; --num-envs changes it)" if default else ""
    say(f"training {task.name} with {num_envs} environments on {device}{origin}")
    seed = run_seed + rank()
    seed_everything(seed)
    with ExitStack() as stack:
        stack.enter_context(process_group())
        folder = _folder(task, options, start)
        if folder is not None:
            write_choices(folder, choices)
            if not options.resume:
                stack.callback(remove_if_unused, folder)
        env = make_env(task, num_envs, device, seed)
        stack.callback(env.close)
        runner = _runner(task, options, definition, env, device)
        state = RunState(
            runner, folder or Path(), make_stamp(task, env, env.get_observations()), task_tables(task), run_seed
        )
        _restore(state, options, start, say)
        if student is not None:
            state.load_student(student.path, student.checkpoint)
            say(f"starting with the student {student.path}, after {student.checkpoint.iteration} iterations")
        return _learn(task, options, state, console, say, listeners or [])


def _check(options: TrainOptions, stage: str) -> None:
    """Options that are wrong whatever the machine."""
    for name, value in (("--iterations", options.iterations), ("--save-interval", options.save_interval)):
        if value is not None and value < 1:
            raise ParkourError(f"{name}: got {value}, expected at least 1")
    if options.time_limit is not None and not options.time_limit > 0:
        raise ParkourError(f"--time-limit: got {options.time_limit:g} minutes, expected more than 0")
    if options.logger not in LOGGERS:
        raise ParkourError(f"--logger: got {options.logger!r}, expected one of {', '.join(LOGGERS)}")
    if options.seed is not None and options.seed < 0:
        raise ParkourError(f"--seed: got {options.seed}, expected at least 0")
    if options.student is not None and (options.resume or stage != "student"):
        other = "--resume" if options.resume else f"a {stage}'s task"
        raise ParkourError(f"got --student and {other}: a student's weights are what a new student begins with")
    if options.resume:
        return
    if stage == "student" and options.run is None and options.checkpoint is None:
        raise ParkourError(
            "no teacher given: a student is trained from a teacher's checkpoint",
            hint="parkour train --stage student --checkpoint FILE (or --run DIR of a teacher's run)",
        )
    if options.run is not None and stage != "student":
        raise ParkourError("--run names a run to resume", hint="add --resume")


def _engine_env(
    options: TrainOptions, choices: Choices, resumed: Path | None, say: Callable[[str], None]
) -> tuple[MakeEnv, Choices]:
    """The engine's environments, and the choices with the engine's; those of the run folder ``resumed`` are kept."""
    identity, engine = choose_engine(options.engine)
    choices = replace(choices, engine=identity)
    if resumed is not None and not choices.engine_options:
        choices = choices.going_on_from(read_choices(resumed))
    check_engine_options(identity, engine, choices.engine_options)
    chosen = "".join(f", {name} {value}" for name, value in choices.engine_options.items())
    say(f"engine {identity}{chosen}")
    render = options.video and rank() == 0

    def make(task: ResolvedTask, num_envs: int, device: str, seed: int) -> TaskEnv:
        more = choices.engine_options
        return make_task_env(engine, task, num_envs=num_envs, device=device, seed=seed, render=render, options=more)

    return make, choices


def _start(task: ResolvedTask, options: TrainOptions, start: Weights | None) -> Weights | None:
    """The checkpoint to begin with, read before anything slow happens."""
    if not options.resume and options.checkpoint is None and options.run is None:
        return None
    start = start or weights_at(resume_source(options, task.name if options.resume else None))
    path, checkpoint = start.path, start.checkpoint
    if options.resume:
        check_resumed(path, checkpoint, task.name)
    else:
        # A new run begins with a teacher: its weights, or what a student learns from.
        check_teacher(path, checkpoint.stamp)
    total = options.iterations or task.model.algorithm.iterations
    if options.resume and checkpoint.iteration >= total:
        raise ParkourError(
            f"run {path.parent} has trained {checkpoint.iteration} iterations, expected fewer than the {total} wanted",
            hint=f"--iterations {checkpoint.iteration + task.model.algorithm.save_interval}",
        )
    return start


def _folder(task: ResolvedTask, options: TrainOptions, start: Weights | None) -> Path | None:
    """The run folder, of the first process only."""
    if rank() != 0:
        return None
    if options.resume and start is not None:
        return start.path.parent
    folder = make_run_folder(options, task.name)
    write_text(folder / TASK_FILE, task_to_toml(task), "--log-root")
    return folder


def _runner(
    task: ResolvedTask, options: TrainOptions, definition: PolicyDefinition, env: TaskEnv, device: str
) -> TrainingRunner:
    algorithm = task.model.algorithm
    cfg: dict[str, Any] = {
        **definition.train_cfg,
        "num_steps_per_env": algorithm.steps_per_env,
        "noise_ramp": algorithm.noise_ramp,
        "save_interval": options.save_interval or algorithm.save_interval,
    }
    make = resolve_callable(definition.runner)
    return make(env, cfg, None, device)


def _restore(
    state: RunState,
    options: TrainOptions,
    start: Weights | None,
    say: Callable[[str], None],
) -> None:
    if start is None:
        return
    source, checkpoint = start.path, start.checkpoint
    if options.resume:
        for line in state.resume(source, checkpoint):
            say(line)
        say(f"going on from iteration {checkpoint.iteration} ({source})")
    elif state.stamp.stage == "student":
        state.load_teacher(source, checkpoint)
        say(f"the teacher is {source}, after {checkpoint.iteration} iterations")
    else:
        state.load_weights(source, checkpoint)
        say(f"starting with the weights of {source}")


def _learn(
    task: ResolvedTask,
    options: TrainOptions,
    state: RunState,
    console: Console | None,
    say: Callable[[str], None],
    listeners: list[Listener],
) -> RunResult:
    runner = state.runner
    total = options.iterations or task.model.algorithm.iterations
    first = rank() == 0
    with ExitStack() as stack:
        if first:
            if options.git_state:
                store_git_state(state.folder, say)
            config = task.model.model_dump(mode="json")
            written = make_loggers(
                options.logger, state.folder, task.name, config, runner.current_learning_iteration, say
            )
            shown = [make_progress(console or Console(), time_limit=options.time_limit)] if options.progress else []
            listeners = [*written, *shown, *listeners]
            for listener in listeners:
                stack.callback(listener.close)
            say(f"run folder {state.folder}")
        signals = stack.enter_context(StopSignals(say))
        limit = TimeLimit(options.time_limit)
        # Last, so that nothing above draws from the streams that a resumed run continues.
        if state.resumed is not None:
            state.resume_rng(state.resumed)
        runner.learn(
            total - runner.current_learning_iteration,
            init_at_random_ep_len=True,
            listeners=listeners,
            save=state.save if first else None,
            stop=lambda: signals.reason or limit.reason(),
            time_share=limit.share,
        )
    if first and options.video:
        _film(task, state, say)
    return RunResult(
        run=state.folder,
        checkpoint=state.last_saved or Path(),
        iterations=runner.current_learning_iteration,
        stopped=runner.stop_reason,
        metrics=dict(runner.last.scalars) if runner.last else {},
    )


def _film(task: ResolvedTask, state: RunState, say: Callable[[str], None]) -> None:
    """A video of the deployed policy; a run is not lost because it cannot be made."""
    from parkour.learning.video import record, write_video

    try:
        frames = record(state.runner.env, state.runner.get_inference_policy(), task.model.step_dt)
        if not frames:
            say("--video: the engine gives no pictures here; not recorded")
            return
        name = f"model_{state.runner.current_learning_iteration}"
        say(f"video {write_video(state.folder / 'videos' / name, frames)}")
    except Exception as error:
        say(f"--video: not recorded ({type(error).__name__}: {error})")


class TimeLimit:
    """Minutes that may be trained from now on; None: any number."""

    def __init__(self, minutes: float | None) -> None:
        self.minutes, self.begin = minutes, time.monotonic()

    def share(self) -> float:
        """How much of it is over, from 0 on; 0 without a limit."""
        return 0.0 if self.minutes is None else (time.monotonic() - self.begin) / (60.0 * self.minutes)

    def reason(self) -> str:
        """Why to stop, or nothing."""
        return f"{self.minutes:g} minutes are over" if self.share() >= 1.0 else ""
