"""What a run begins with, and whether it has anything left to train."""

from __future__ import annotations

from collections.abc import Callable

from parkour.errors import ParkourError
from parkour.learning.loggers import NO_LOGGER
from parkour.learning.options import RunResult, TrainOptions
from parkour.learning.retention import DEFAULT_KEEP
from parkour.learning.run_folder import check_resumed, resume_source
from parkour.learning.run_options import RunOptions
from parkour.policies.fit import check_teacher
from parkour.policies.source import Weights, weights_at
from parkour.tasks.resolved import ResolvedTask
from parkour.text import counted


def first_weights(task: ResolvedTask, options: TrainOptions, start: Weights | None) -> Weights | None:
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
    return start


def total_iterations(task: ResolvedTask, options: TrainOptions, kept: RunOptions | None) -> int:
    """Iterations of the whole run: those asked for, or the resumed run's, or the task's."""
    return options.iterations or (kept.iterations if kept else 0) or task.model.algorithm.iterations


def kept_checkpoints(options: TrainOptions, kept: RunOptions | None) -> int:
    """Whole checkpoints that stay: as many as asked for, or as the resumed run keeps, or the default; 0: all."""
    if options.keep is not None:
        return options.keep
    return DEFAULT_KEEP if kept is None and not options.resume else kept.keep if kept else 0


def not_kept(kept: RunOptions, run: RunOptions) -> str | None:
    """A line on what the run had at its last start and has not now, because a run folder never says what code runs."""
    had = [f"--callback {name}" for name in kept.callbacks if name not in run.callbacks]
    if kept.logger not in ("", NO_LOGGER, run.logger):
        had.append(f"--logger {kept.logger}")
    if kept.video_interval and not run.video_interval:
        had.append(f"--video-interval {kept.video_interval}")
    if not had:
        return None
    return f"the run's last start had {', '.join(had)}; a resumed run does without, unless it is given again"


def complete(start: Weights, wanted: int | None, say: Callable[[str], None]) -> RunResult:
    """A run that has nothing left to train.

    Raises:
        ParkourError: it has trained more than was asked for.
    """
    run, trained = start.path.parent, start.checkpoint.iteration
    if wanted is not None and wanted < trained:
        raise ParkourError(
            f"run {run} has trained {counted(trained, 'iteration')}, expected fewer than the {wanted} wanted",
            hint=f"--iterations {2 * trained}",
        )
    say(f"run {run} is complete after {counted(trained, 'iteration')}; more with --iterations {2 * trained}")
    return RunResult(run, start.path, trained)
