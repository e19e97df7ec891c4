"""``parkour eval``: score a policy on courses, two policies against each other, or all of a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkour.commands import grouped, make_app, notice
from parkour.errors import ParkourError
from parkour.text import counted
from parkour_cli.episode_bar import episode_bar
from parkour_cli.options import DeviceOptions, EngineOptions, ExportOption, PolicyOptions, PolicyTaskOptions
from parkour_cli.scoring import Figures, ReportOptions, ScoringOptions
from parkour_cli.spectating import SpectatorOptions

if TYPE_CHECKING:
    from parkour.evaluation.compare import Comparison
    from parkour.evaluation.evaluate import Evaluation, EvaluationOptions
    from parkour.evaluation.rollout import Spectator
    from parkour.policies.source import PolicySource, Weights
    from parkour.tasks import ResolvedTask

app = make_app("Score a policy on courses.")
MOST_TOLD = 4
"""Differences of two tasks that are named."""


@app.command(name="eval")
@grouped
def evaluate_policy(
    policy: PolicyOptions,
    task_options: PolicyTaskOptions,
    device_options: DeviceOptions,
    engine_options: EngineOptions,
    spectator_options: SpectatorOptions,
    scoring: ScoringOptions,
    report: ReportOptions,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A B", help="Two checkpoints or run folders: both, and their differences."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every checkpoint of the run: success over iterations.")] = False,
    export: ExportOption = None,
) -> None:
    """Score a policy on courses, with the inputs that a robot has. The task is rebuilt from the checkpoint."""
    report.check()
    engine = engine_options.engine
    options = scoring.evaluation(task_options.changes(), device_options.device, engine, engine_options.own)
    if every:
        _refuse_beside_all(scoring, compare, spectator_options, export)
        from parkour_cli import eval_all

        eval_all.run_and_show(policy.source(), lambda weights: _evaluate(weights, options), report)
        return
    if compare is not None:
        _refuse_beside_compare(scoring, policy.source(), spectator_options, export)
        _compare(compare, options, report)
        return
    from parkour.evaluation.protocol import find_protocol

    degraded = find_protocol(options.protocol).degraded
    if degraded:
        spectator_options.refuse_with(f"--protocol {options.protocol}")
    from parkour.policies.source import load_weights
    from parkour_cli.export import export_after, export_place

    weights = load_weights(policy.source(), notice)
    place = export_place(export, weights)
    if degraded:
        from parkour_cli.gauntlet import run_and_show

        run_and_show(weights, options, scoring.degradations, report)
    else:
        _one(weights, options, report, spectator_options.open(weights, engine))
    if place is not None:
        export_after(weights, place, engine, options.engine_options)


def _one(weights: Weights, options: EvaluationOptions, report: ReportOptions, spectator: Spectator | None) -> None:
    from parkour.evaluation.evaluate import check_fit
    from parkour.evaluation.html import evaluation_page
    from parkour.evaluation.report import as_json
    from parkour.evaluation.tables import evaluation_tables

    result = _evaluate(weights, options, spectator=spectator)
    report.show(lambda width: evaluation_tables(result, width))
    report.write(lambda: as_json(result), lambda: _plots(result), lambda figures: evaluation_page(result, figures))
    check_fit([result])


def _compare(pair: tuple[Path, Path], options: EvaluationOptions, report: ReportOptions) -> None:
    from parkour.evaluation.compare import compare
    from parkour.evaluation.evaluate import check_fit
    from parkour.evaluation.html import comparison_page
    from parkour.evaluation.protocol import find_protocol, same_courses, unlike_conditions
    from parkour.evaluation.report import comparison_as_json
    from parkour.evaluation.tables import comparison_tables, evaluation_tables
    from parkour.policies.source import weights_at

    first, second = weights_at(pair[0]), weights_at(pair[1])
    tasks = same_courses(first, second, find_protocol(options.protocol), options.changes)
    _tell_unlike(unlike_conditions(*tasks))
    a = _evaluate(first, options, tasks[0], "A: ")
    b = _evaluate(second, options, tasks[1], "B: ")
    result = compare(a, b)
    report.show(lambda width: (*evaluation_tables(a, width), *evaluation_tables(b, width), *comparison_tables(result)))
    report.write(
        lambda: comparison_as_json(result),
        lambda: _plots(result),
        lambda figures: comparison_page(result, figures),
        {"a_": lambda: _plots(a), "b_": lambda: _plots(b)},
    )
    check_fit([a, b])


def _tell_unlike(found: Mapping[str, tuple[object, object]]) -> None:
    """Say in what the tasks of two policies differ, besides their courses."""
    if found:
        told = [f"{path} ({a}, {b})" for path, (a, b) in sorted(found.items())]
        more = f" and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
        notice(f"warning: A and B keep what differs in their tasks: {', '.join(told[:MOST_TOLD])}{more}")
        notice(f"both alike: --set {min(found)}=VALUE")


def _plots(result: Evaluation | Comparison) -> Figures:
    """Imports what draws, which takes longer than to draw."""
    from parkour.evaluation.evaluate import Evaluation
    from parkour.evaluation.plots import comparison_figures, evaluation_figures

    return evaluation_figures(result) if isinstance(result, Evaluation) else comparison_figures(result)


def _evaluate(
    weights: Weights,
    options: EvaluationOptions,
    task: ResolvedTask | None = None,
    prefix: str = "",
    spectator: Spectator | None = None,
) -> Evaluation:
    """One evaluation, with its progress on stderr."""
    from parkour.evaluation.evaluate import evaluate

    notice(f"{prefix}{weights.label} ({weights.path})")
    start = time.monotonic()
    with episode_bar(prefix) as bar:
        result = evaluate(weights, options, task=task, on_progress=bar.report, notify=notice, spectator=spectator)
    seconds = time.monotonic() - start
    episodes = counted(len(result.episodes), "episode")
    notice(f"{prefix}{episodes} in {counted(result.steps, 'control step')}, {seconds:.1f} s")
    return result


def _refuse_beside_all(
    scoring: ScoringOptions, compare: tuple[Path, Path] | None, spectator: SpectatorOptions, export: Path | None
) -> None:
    """What makes no sense with all policies of a run."""
    spectator.refuse_with("--all")
    from parkour.evaluation.protocol import find_protocol

    others = {
        "--compare": compare,
        "--export": export,
        f"--protocol {scoring.protocol}": find_protocol(scoring.protocol).degraded,
    }
    for option, value in others.items():
        if value:
            raise ParkourError(f"got --all and {option}, expected one of them")


def _refuse_beside_compare(
    scoring: ScoringOptions, source: PolicySource, spectator: SpectatorOptions, export: Path | None
) -> None:
    """What makes no sense with two policies."""
    from parkour.evaluation.protocol import find_protocol

    spectator.refuse_with("--compare")
    if find_protocol(scoring.protocol).degraded:
        raise ParkourError(f"got --compare and --protocol {scoring.protocol}, expected one of them")
    if export is not None:
        raise ParkourError("got --compare and --export, expected one of them", hint="parkour export onnx -h")
    named = {
        "TASK": source.task,
        "--checkpoint": source.checkpoint,
        "--run": source.run,
        "--pretrained": source.pretrained,
    }
    for option, value in named.items():
        if value:
            raise ParkourError(f"got --compare and {option}, expected one of them: --compare A B names both policies")
