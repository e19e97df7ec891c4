"""One call from a resolved task to a trained policy in a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rsl_rl.utils import resolve_callable

from parkour.engines.device import rank
from parkour.engines.task_env import TaskEnv
from parkour.learning.callbacks import Callbacks, Training, TrainingCallback
from parkour.learning.films import Filmer
from parkour.learning.iteration import Listener
from parkour.learning.loggers import LoggerContext, make_loggers
from parkour.learning.options import RunResult, TrainOptions
from parkour.learning.peers import launched, launcher_is_gone
from parkour.learning.plan import MakeEnv, TrainPlan, plan_training
from parkour.learning.progress import WhileSeen, make_progress
from parkour.learning.rescue import rescuing
from parkour.learning.resume import total_iterations
from parkour.learning.retention import Keeper
from parkour.learning.rng import seed_everything
from parkour.learning.run_folder import (
    check_newest,
    make_run_folder,
    next_number,
    remove_if_unused,
    remove_leftovers,
    set_aside_later,
    store_git_state,
)
from parkour.learning.run_lock import RunLock
from parkour.learning.run_options import write_run_options
from parkour.learning.run_state import RunState
from parkour.learning.runner import TrainingRunner, process_group
from parkour.learning.signals import StopSignals
from parkour.learning.timing import TimeLimit
from parkour.policies.checkpoint_folder import TASK_FILE
from parkour.policies.fit import make_stamp
from parkour.policies.source import Weights
from parkour.storage import write_text
from parkour.tasks import task_tables, task_to_toml
from parkour.tasks.blame import blamed
from parkour.tasks.resolved import ResolvedTask
from parkour.terminal import Terminal
from parkour.text import counted


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
    say = _teller(notify)
    plan = plan_training(task, options, start, make_env, say)
    if isinstance(plan, RunResult):
        return plan
    seed_everything(plan.seed)
    with ExitStack() as stack:
        # Whoever calls it may have switched gradients off.
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        # The runner lowers it on a GPU; what this process computes afterwards is as exact as it was.
        stack.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
        stack.enter_context(blamed(task))
        stack.enter_context(process_group())
        folder = _folder(task, plan)
        if folder is not None:
            stack.enter_context(_in_folder(folder, plan, say))
            run = plan.run
            write_run_options(folder, run if run.number else replace(run, number=next_number(plan.options)))
        env = plan.make_env(task, plan.run.num_envs, plan.run.device, plan.seed)
        stack.callback(env.close)
        runner = _runner(task, plan, env)
        stamp = make_stamp(task, env, env.get_observations())
        state = RunState(runner, folder or Path(), stamp, task_tables(task), plan.run.seed)
        _restore(state, plan, say)
        return _learn(task, plan, state, console, say, listeners or [], callbacks or [])


def _teller(notify: Callable[[str], None]) -> Callable[[str], None]:
    """``notify`` in the first process, for as long as somebody can read what is said."""

    def say(line: str) -> None:
        with suppress(OSError):
            notify(line)

    return say if rank() == 0 else (lambda line: None)


@contextmanager
def _in_folder(folder: Path, plan: TrainPlan, say: Callable[[str], None]) -> Iterator[None]:
    """The run folder for us alone, without what a killed run left in it; gone at the end if nothing was trained."""
    options, start = plan.options, plan.start
    with ExitStack() as stack:
        if not options.resume:
            stack.callback(remove_if_unused, folder)
        stack.enter_context(RunLock(folder, say))
        if options.resume and start is not None:
            check_newest(start.path, options)
            remove_leftovers(folder, say)
        yield


def _folder(task: ResolvedTask, plan: TrainPlan) -> Path | None:
    """The run folder, of the first process only."""
    if rank() != 0:
        return None
    if plan.options.resume and plan.start is not None:
        return plan.start.path.parent
    folder = make_run_folder(plan.options, task.name)
    write_text(folder / TASK_FILE, task_to_toml(task), "--log-root")
    return folder


def _runner(task: ResolvedTask, plan: TrainPlan, env: TaskEnv) -> TrainingRunner:
    algorithm = task.model.algorithm
    cfg: dict[str, Any] = {
        **plan.definition.train_cfg,
        "num_steps_per_env": algorithm.steps_per_env,
        "noise_ramp": algorithm.noise_ramp,
        "save_interval": plan.run.save_interval,
    }
    make = resolve_callable(plan.definition.runner)
    return make(env, cfg, None, plan.run.device)


def _restore(state: RunState, plan: TrainPlan, say: Callable[[str], None]) -> None:
    """Give the run what it begins with."""
    if plan.start is not None:
        _restore_start(state, plan.start, plan.options.resume, say)
    if plan.student is not None:
        state.load_student(plan.student.path, plan.student.checkpoint)
        age = counted(plan.student.checkpoint.iteration, "iteration")
        say(f"starting with the student {plan.student.path}, after {age}")


def _restore_start(state: RunState, start: Weights, resume: bool, say: Callable[[str], None]) -> None:
    source, checkpoint = start.path, start.checkpoint
    if resume:
        for line in state.resume(source, checkpoint):
            say(line)
        say(f"going on from iteration {checkpoint.iteration} ({source})")
    elif state.stamp.stage == "student":
        state.load_teacher(source, checkpoint)
        say(f"the teacher is {source}, after {counted(checkpoint.iteration, 'iteration')}")
    else:
        state.load_weights(source, checkpoint)
        say(f"starting with the weights of {source}")


def _learn(
    task: ResolvedTask,
    plan: TrainPlan,
    state: RunState,
    console: Console | None,
    say: Callable[[str], None],
    listeners: list[Listener],
    callbacks: list[TrainingCallback],
) -> RunResult:
    options, runner, first = plan.options, state.runner, rank() == 0
    keeper: Keeper | None = None
    filmer: Filmer | None = None
    training = Training(task, state.folder, runner, say)
    called = Callbacks.made(training, plan.callbacks if first else (), callbacks if first else ())
    with called.told_of_the_end(), ExitStack() as stack:
        if first:
            if options.git_state:
                store_git_state(state.folder, say)
            if options.video_interval is not None:
                filmer = _filmer(options, options.video_interval, state, say)
            if state.resumed is not None:
                set_aside_later(state.folder, state.resumed.iteration, say)
            shown = _shown_and_logged(task, options, state, console, say)
            listeners = [*shown, *([filmer] if filmer else []), *listeners]
            for listener in listeners:
                stack.callback(listener.close)
            keeper = _keeper(task, options, state, say)
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
            total_iterations(task, options, None) - runner.current_learning_iteration,
            init_at_random_ep_len=True,
            listeners=listeners,
            save=(lambda: _save(state, keeper, called)) if keeper else None,
            stop=lambda: signals.reason or training.wish or limit.reason() or launcher_is_gone(),
            time_share=limit.share,
        )
        if filmer is not None and not runner.stop_reason:
            filmer.finish(lambda: bool(signals.reason))
    return _result(state)


def _shown_and_logged(
    task: ResolvedTask, options: TrainOptions, state: RunState, console: Console | None, say: Callable[[str], None]
) -> list[Listener]:
    """The loggers, and the live display if it is wanted."""
    config, iteration = task.model.model_dump(mode="json"), state.runner.current_learning_iteration
    written = make_loggers(options.logger, LoggerContext(state.folder, task.name, config, iteration, say))
    display = make_progress(console or Terminal(), time_limit=options.time_limit)
    return [*written, *([WhileSeen(display)] if options.progress else [])]


def _filmer(options: TrainOptions, every: int, state: RunState, say: Callable[[str], None]) -> Filmer:
    return Filmer(state.folder, every, state.capture, options.engine or "", options.engine_options, say)


def _keeper(task: ResolvedTask, options: TrainOptions, state: RunState, say: Callable[[str], None]) -> Keeper:
    interval = options.save_interval or task.model.algorithm.save_interval
    return Keeper(state.folder, options.keep or 0, interval, state.runner.current_learning_iteration, say)


def _save(state: RunState, keeper: Keeper, callbacks: Callbacks) -> None:
    """Write a checkpoint, and tell those who want to know."""
    keeper.saved(state.save())
    callbacks.saved(state.last_saved)


def _result(state: RunState) -> RunResult:
    runner = state.runner
    return RunResult(
        run=state.folder,
        checkpoint=state.last_saved or Path(),
        iterations=runner.current_learning_iteration,
        stopped=runner.stop_reason,
        metrics=dict(runner.last.scalars) if runner.last else {},
    )
