"""The gauntlet: a policy on the same courses, clean and under every degradation of camera and body."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from parkour.errors import ParkourError
from parkour.evaluation.compare import Difference, compare
from parkour.evaluation.degradations import Degradation, find_degradations
from parkour.evaluation.evaluate import Evaluation, EvaluationOptions, check_options, evaluate
from parkour.evaluation.protocol import evaluation_task
from parkour.evaluation.rollout import MakeEnv, OnProgress
from parkour.policies import conditions
from parkour.policies.deployed import load_actor
from parkour.policies.source import Weights
from parkour.quiet_logs import errors_alone
from parkour.registry import Registry
from parkour.tasks.resolved import ResolvedTask


@dataclass(frozen=True)
class Trial:
    """A policy under one degradation."""

    degradation: Degradation
    evaluation: Evaluation
    change: Difference
    """Of the success rate: clean (a), degraded (b), and b - a with its 95 % interval, over the same courses."""
    change_by_terrain: dict[str, Difference]

    @property
    def success(self) -> float:
        return self.evaluation.breakdown.overall.metrics["success"].mean


@dataclass(frozen=True)
class Gauntlet:
    """A policy's success under everything that was tried."""

    clean: Evaluation
    trials: tuple[Trial, ...]
    skipped: tuple[tuple[str, str], ...]
    """Names of degradations that were left out, and why."""

    @property
    def weights(self) -> Weights:
        return self.clean.weights

    def mean_success(self, part: str) -> float:
        """Mean over the degradations of a part, each counting the same; NaN where none was tried."""
        rates = [trial.success for trial in self.trials if trial.degradation.part == part]
        return sum(rates) / len(rates) if rates else math.nan

    @property
    def worst(self) -> Trial | None:
        """The degradation that leaves the least."""
        return min(self.trials, key=lambda trial: trial.success, default=None)


OnTrial = Callable[[int, int, str], None]
"""Told which trial begins, of how many, and its name."""


def run_gauntlet(
    weights: Weights,
    options: EvaluationOptions,
    *,
    only: Iterable[str] = (),
    registry: Registry | None = None,
    make_env: MakeEnv | None = None,
    on_trial: OnTrial = lambda number, count, name: None,
    on_scored: Callable[[Evaluation], None] = lambda evaluation: None,
    on_progress: OnProgress = lambda step, steps, episodes, wanted: None,
    notify: Callable[[str], None] = lambda line: None,
) -> Gauntlet:
    """Score a checkpoint clean, and under each degradation.

    Args:
        weights: the checkpoint.
        options: how; the protocol should be ``gauntlet``.
        only: names of the degradations wanted; all that are registered when empty.
        registry: where they are looked up; what is installed when None.
        make_env: makes the environments; the engine's when None.
        on_trial: told what comes next.
        on_scored: told what came of it.
        on_progress: told how far it is.
        notify: told in a line what was chosen and what was left out.

    Raises:
        ParkourError: bad options, an unknown degradation, or one named that cannot be laid on the task.
    """
    check_options(options)
    _refuse(options)
    names = tuple(only)
    chosen, skipped = _applicable(weights, options, find_degradations(names, registry, notify), bool(names))
    for reason in dict.fromkeys(reason for _, reason in skipped):
        notify(f"left out, as {reason}: {', '.join(name for name, why in skipped if why == reason)}")

    def tried(number: int, name: str, task: ResolvedTask | None, notify: Callable[[str], None]) -> Evaluation:
        on_trial(number, len(chosen) + 1, name)
        result = evaluate(weights, options, task=task, make_env=make_env, on_progress=on_progress, notify=notify)
        on_scored(result)
        return result

    clean = tried(0, "clean", None, notify)
    trials, failed = _try_each(chosen, clean, tried, bool(names), notify)
    return Gauntlet(clean, trials, (*skipped, *failed))


def _try_each(
    chosen: Iterable[tuple[Degradation, ResolvedTask]],
    clean: Evaluation,
    tried: Callable[[int, str, ResolvedTask, Callable[[str], None]], Evaluation],
    named: bool,
    notify: Callable[[str], None],
) -> tuple[tuple[Trial, ...], tuple[tuple[str, str], ...]]:
    """What came of each degradation, and those that could not be tried after all, with the reason.

    Raises:
        ParkourError: one that was named could not be.
    """
    trials, failed = [], []
    for number, (degradation, task) in enumerate(chosen, start=1):
        try:
            # What there is to say of the numbers of environments has been said.
            # That weights were trained under other conditions is what is tried.
            with errors_alone(conditions.__name__):
                scored = tried(number, degradation.name, task, lambda line: None)
        except ParkourError as error:
            if named:
                raise
            notify(f"{degradation.name} is left out: {error.message}")
            failed.append((degradation.name, error.message))
        else:
            trials.append(_trial(degradation, clean, scored))
    return tuple(trials), tuple(failed)


def _trial(degradation: Degradation, clean: Evaluation, scored: Evaluation) -> Trial:
    success = [metric for metric in clean.episodes.metrics if metric.key == "success"]
    difference = compare(clean, scored, metrics=success)
    by_terrain = {name: row["success"] for name, row in difference.by_terrain.items()}
    return Trial(degradation, scored, difference.overall["success"], by_terrain)


def _task_under(weights: Weights, options: EvaluationOptions, degradation: Degradation) -> ResolvedTask:
    """The task with a degradation on top of what the caller changes."""
    changes = replace(options.changes, changes=degradation.over(options.changes.changes))
    return evaluation_task(weights, check_options(options), changes)


def _refuse(options: EvaluationOptions) -> None:
    """What would be under everything, so that nothing was clean."""
    for option, given in (("--noise", options.changes.noise is not None), ("--blank-depth", options.blank_depth)):
        if given:
            raise ParkourError(
                f"got --protocol gauntlet and {option}, expected one of them: the gauntlet has degradations of its own",
                hint="parkour plugins list --kind degradation",
            )


def _applicable(
    weights: Weights, options: EvaluationOptions, found: Iterable[Degradation], named: bool
) -> tuple[list[tuple[Degradation, ResolvedTask]], list[tuple[str, str]]]:
    """Those that can be laid on the task, with the result, and the others with the reason; before anything is slow.

    Raises:
        ParkourError: one that was named cannot be.
    """
    clean = evaluation_task(weights, check_options(options), options.changes)
    chosen, skipped = [], []
    for degradation in found:
        reason = degradation.obstacle(clean)
        try:
            if not reason:
                task = _task_under(weights, options, degradation)
                with errors_alone(conditions.__name__):  # That they were trained under others is what is tried.
                    load_actor(weights, task, allow_mismatch=options.changes.allow_mismatch)
                chosen.append((degradation, task))
        except ParkourError as error:
            reason = error.message
        if reason and named:
            raise ParkourError(f"--only {degradation.name}: {reason}", hint="parkour plugins list --kind degradation")
        if reason:
            skipped.append((degradation.name, reason))
    return chosen, skipped
