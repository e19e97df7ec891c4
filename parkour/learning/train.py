"""One call from a resolved task to a trained policy in a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
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
from parkour.learning.callbacks import Callbacks, Training, TrainingCallback, find_callbacks
from parkour.learning.films import Filmer
from parkour.learning.iteration import Listener
from parkour.learning.keeping import Keeper
from parkour.learning.loggers import LoggerContext, find_logger, make_loggers
from parkour.learning.options import DEFAULT_SEED, RunResult, TrainOptions
from parkour.learning.peers import launched, launcher_is_gone
from parkour.learning.progress import WhileSeen, make_progress
from parkour.learning.rescue import rescuing
from parkour.learning.resume import complete, first_weights, kept_checkpoints, total_iterations
from parkour.learning.rng import seed_everything
from parkour.learning.run_folder import (
    check_newest,
    commit_here,
    make_run_folder,
    next_number,
    remove_if_unused,
    remove_leftovers,
    store_git_state,
)
from parkour.learning.run_lock import RunLock
from parkour.learning.run_options import RunOptions, now, read_run_options, write_run_options
from parkour.learning.runner import TrainingRunner, process_group
from parkour.learning.signals import StopSignals
from parkour.learning.state import RunState
from parkour.learning.timing import TimeLimit
from parkour.policies.checkpoint_folder import TASK_FILE
from parkour.policies.definition import PolicyDefinition, define_policy
from parkour.policies.fit import check_meaning, make_stamp
from parkour.policies.source import Weights, weights_at
from parkour.storage import write_text
from parkour.tasks import task_tables, task_to_toml
from parkour.tasks.resolved import ResolvedTask
from parkour.terminal import Terminal

VIDEO = "video"
"""The callback that ``--video`` is short for."""
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
    callbacks: list[TrainingCallback] | None = None,
    start: Weights | None = None,
) -> RunResult:
    """Train ``task`` and leave checkpoints, metrics and the task in a run folder.

    Args:
        task: with the overlay ``train``.
        options: what is not part of the task.
        console: for the progress display; standard output when None.
        notify: told in a line what was chosen and what could not be done.
        make_env: makes the environment; the engine's when None.
        listeners: told of every iteration besides the loggers; what they raise ends the training.
        callbacks: called as it goes, after those that ``options`` name.
        start: the checkpoint that ``options`` names, where it was read before.

    Raises:
        ParkourError: bad options, no such device, an engine that cannot run, a folder that cannot be written, a
            checkpoint that does not fit.
    """
    _check(options, task.model.stage)
    say = _teller(notify)
    definition = define_policy(task)
    if unread := [group for group in task.observations if group not in definition.groups]:
        say(f"observation groups that {task.policy.id} does not read: {', '.join(unread)}")
    device = choose_device(options.device)
    start = first_weights(task, options, start)
    student = None if options.student is None else weights_at(options.student)
    for weights in (start, student):
        if weights is not None:
            check_meaning(
                weights.path, weights.checkpoint, task, definition.groups, allow_mismatch=options.allow_mismatch
            )
    before = start.checkpoint if start and options.resume else None
    kept = read_run_options(start.path.parent) if start and options.resume else None
    wanted, options = options.iterations, replace(options, iterations=total_iterations(task, options, kept))
    if start and before and before.iteration >= (options.iterations or 0):
        return complete(start, wanted, say)
    num_envs = choose_num_envs(
        before.num_envs if before and options.num_envs is None else options.num_envs, task, device
    )
    run_seed = options.seed if options.seed is not None else before.seed if before else DEFAULT_SEED
    run_options = RunOptions(
        options.engine or "custom", device, num_envs, run_seed, dict(options.engine_options),
        options.iterations or 0, kept.number if kept else 0, kept.began if kept else now(),
        options.save_interval or task.model.algorithm.save_interval, kept_checkpoints(options, kept), commit_here(),
    )  # fmt: skip
    options = replace(options, keep=run_options.keep)
    if make_env is None:
        make_env, run_options = _engine_env(options, run_options, kept, say)
    options = replace(options, engine=run_options.engine, engine_options=run_options.engine_options)
    default = options.num_envs is None and before is None
    origin = " (the task's default for this device; --num-envs changes it)" if default else ""
    say(f"training {task.name} with {num_envs} environments on {device}{origin}")
    seed = run_seed + rank()
    seed_everything(seed)
    with ExitStack() as stack:
        stack.enter_context(process_group())
        folder = _folder(task, options, start)
        if folder is not None:
            stack.enter_context(_in_folder(folder, options, start, say))
            write_run_options(
                folder, run_options if run_options.number else replace(run_options, number=next_number(options))
            )
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
        return _learn(task, options, state, console, say, listeners or [], callbacks or [])


def _check(options: TrainOptions, stage: str) -> None:
    """Options that are wrong whatever the machine."""
    least_one = {
        "--iterations": options.iterations,
        "--save-interval": options.save_interval,
        "--video-interval": options.video_interval,
    }
    for name, value in least_one.items():
        if value is not None and value < 1:
            raise ParkourError(f"{name}: got {value}, expected at least 1")
    if options.keep is not None and options.keep < 0:
        raise ParkourError(f"--keep: got {options.keep}, expected at least 1, or 0 for all")
    if options.time_limit is not None and not options.time_limit > 0:
        raise ParkourError(f"--time-limit: got {options.time_limit:g} minutes, expected more than 0")
    find_logger(options.logger)
    find_callbacks(_wanted_callbacks(options))
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


def _wanted_callbacks(options: TrainOptions) -> dict[str, Mapping[str, Any]]:
    """Those that are named, and the one that ``--video`` is short for."""
    return {**options.callbacks, **({VIDEO: {}} if options.video else {})}


def _engine_env(
    options: TrainOptions, run_options: RunOptions, kept: RunOptions | None, say: Callable[[str], None]
) -> tuple[MakeEnv, RunOptions]:
    """The engine's environments, and the run's options with the engine's; those of a resumed run are ``kept``."""
    identity, engine = choose_engine(options.engine)
    run_options = replace(run_options, engine=identity)
    if not run_options.engine_options:
        run_options = run_options.going_on_from(kept)
    check_engine_options(identity, engine, run_options.engine_options)
    chosen = "".join(f", {name} {value}" for name, value in run_options.engine_options.items())
    say(f"engine {identity}{chosen}")
    render = rank() == 0 and any(each.renders for each in find_callbacks(_wanted_callbacks(options)))

    def make(task: ResolvedTask, num_envs: int, device: str, seed: int) -> TaskEnv:
        more = run_options.engine_options
        return make_task_env(engine, task, num_envs=num_envs, device=device, seed=seed, render=render, options=more)

    return make, run_options


def _teller(notify: Callable[[str], None]) -> Callable[[str], None]:
    """``notify`` in the first process, for as long as somebody can read what is said."""

    def say(line: str) -> None:
        with suppress(OSError):
            notify(line)

    return say if rank() == 0 else (lambda line: None)


@contextmanager
def _in_folder(
    folder: Path, options: TrainOptions, start: Weights | None, say: Callable[[str], None]
) -> Iterator[None]:
    """The run folder for us alone, without what a killed run left in it; gone at the end if nothing was trained."""
    with ExitStack() as stack:
        if not options.resume:
            stack.callback(remove_if_unused, folder)
        stack.enter_context(RunLock(folder, say))
        if options.resume and start is not None:
            check_newest(start.path, options)
            remove_leftovers(folder, say)
        yield


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


def _filmer(options: TrainOptions, every: int, state: RunState, say: Callable[[str], None]) -> Filmer:
    return Filmer(state.folder, every, state.capture, options.engine or "", options.engine_options, say)


def _learn(
    task: ResolvedTask,
    options: TrainOptions,
    state: RunState,
    console: Console | None,
    say: Callable[[str], None],
    listeners: list[Listener],
    callbacks: list[TrainingCallback],
) -> RunResult:
    runner = state.runner
    total = total_iterations(task, options, None)
    first = rank() == 0
    keeper: Keeper | None = None
    filmer: Filmer | None = None
    training = Training(task, state.folder, runner, say)
    called = Callbacks.made(training, _wanted_callbacks(options) if first else {}, callbacks if first else ())
    with called.told_of_the_end(), ExitStack() as stack:
        if first:
            if options.git_state:
                store_git_state(state.folder, say)
            config = task.model.model_dump(mode="json")
            context = LoggerContext(state.folder, task.name, config, runner.current_learning_iteration, say)
            written = make_loggers(options.logger, context)
            display = make_progress(console or Terminal(), time_limit=options.time_limit)
            shown = [WhileSeen(display)] if options.progress else []
            if options.video_interval is not None:
                filmer = _filmer(options, options.video_interval, state, say)
            listeners = [*written, *shown, *([filmer] if filmer else []), *listeners]
            for listener in listeners:
                stack.callback(listener.close)
            interval = options.save_interval or task.model.algorithm.save_interval
            keeper = Keeper(state.folder, options.keep or 0, interval, runner.current_learning_iteration, say)
            listeners += [keeper, called]
            say(f"run folder {state.folder}")
        # The launcher of several processes says it for all.
        signals = stack.enter_context(StopSignals((lambda line: None) if launched() else say))
        limit = TimeLimit(options.time_limit)
        called.start()
        # Last, so that nothing above draws from the streams that a resumed run continues.
        if state.resumed is not None:
            state.resume_rng(state.resumed)
        stack.enter_context(rescuing(state, runner.current_learning_iteration))
        runner.learn(
            total - runner.current_learning_iteration,
            init_at_random_ep_len=True,
            listeners=listeners,
            save=(lambda: _save(state, keeper, called)) if keeper else None,
            stop=lambda: signals.reason or training.wish or limit.reason() or launcher_is_gone(),
            time_share=limit.share,
        )
        if filmer is not None and not runner.stop_reason:
            filmer.finish(lambda: bool(signals.reason))
    return RunResult(
        run=state.folder,
        checkpoint=state.last_saved or Path(),
        iterations=runner.current_learning_iteration,
        stopped=runner.stop_reason,
        metrics=dict(runner.last.scalars) if runner.last else {},
    )


def _save(state: RunState, keeper: Keeper, callbacks: Callbacks) -> None:
    """Write a checkpoint, and tell those who want to know."""
    keeper.saved(state.save())
    callbacks.saved(state.last_saved)
