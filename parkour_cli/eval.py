"""``parkour eval``: score a policy on courses, or two policies against each other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkour.commands import console, grouped, make_app, notice
from parkour.commands.progress import DRAWING, LOADING
from parkour.errors import ParkourError
from parkour.stages import stage
from parkour_cli.episode_bar import episode_bar
from parkour_cli.options import SEED, DeviceOptions, EngineOptions, ExportOption, PolicyOptions, PolicyTaskOptions
from parkour_cli.spectating import SpectatorOptions

if TYPE_CHECKING:
    from parkour.evaluation.evaluate import Evaluation, EvaluationOptions
    from parkour.evaluation.rollout import Spectator
    from parkour.policies.source import PolicySource, Weights
    from parkour.tasks import ResolvedTask

app = make_app("Score a policy on courses.")


@app.command(name="eval")
@grouped
def evaluate_policy(
    policy: PolicyOptions,
    task_options: PolicyTaskOptions,
    device_options: DeviceOptions,
    engine_options: EngineOptions,
    spectator_options: SpectatorOptions,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A B", help="Two checkpoints or run folders: both, and their differences."),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="course: 0.8 m/s, 30 s, all difficulties evenly on every terrain. "
            "reference: 0.3 to 0.8 m/s, 20 s, 5 x 5 patches. "
            "gauntlet: course, clean and under every degradation of camera and body.",
        ),
    ] = "course",
    only: Annotated[
        list[str],
        typer.Option(
            "--only",
            metavar="NAME,…",
            help="Gauntlet: these degradations alone, and clean. [default: all]",
            show_default=False,
        ),
    ] = [],  # noqa: B006 - Typer copies it
    num_envs: Annotated[int, typer.Option(help="Parallel environments.")] = 256,
    steps: Annotated[
        int, typer.Option(help="Control steps of each environment at least, in whole episodes (course: 1500 each).")
    ] = 1500,
    seed: Annotated[int, SEED] = 1,
    blank_depth: Annotated[
        bool, typer.Option("--blank-depth", help="Students: show the policy nothing but far distances.")
    ] = False,
    json_out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures here.")] = None,
    plots: Annotated[Path | None, typer.Option(metavar="DIR", help="Write PNG plots into this folder.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report as one web page, pictures inside.")
    ] = None,
    export: ExportOption = None,
) -> None:
    """Score a policy on courses, with the inputs that a robot has. The task is rebuilt from the checkpoint."""
    with stage(LOADING):
        from parkour.evaluation.evaluate import EvaluationOptions, check_options
        from parkour.policies.source import load_weights, weights_at

    _check_outputs(json_out, plots, html)
    device, engine = device_options.device, engine_options.engine
    options = EvaluationOptions(
        protocol, num_envs, steps, seed, device, engine, blank_depth, task_options.changes(), engine_options.own
    )
    degraded = check_options(options).degraded
    if only and not degraded:
        raise ParkourError(f"--only: got it with --protocol {protocol}, expected --protocol gauntlet")
    if degraded:
        spectator_options.refuse_with("--protocol gauntlet")
    if compare is not None:
        spectator_options.refuse_with("--compare")
        if degraded:
            raise ParkourError("got --compare and --protocol gauntlet, expected one of them")
        if export is not None:
            raise ParkourError("got --compare and --export, expected one of them", hint="parkour export onnx -h")
        _refuse_source(policy.source())
        _compare(weights_at(compare[0]), weights_at(compare[1]), options, json_out, plots, html)
        return
    from parkour_cli.export import export_after, export_place

    weights = load_weights(policy.source(), notice)
    place = export_place(export, weights)
    if degraded:
        from parkour_cli.gauntlet import run_and_show

        run_and_show(weights, options, only, json_out, plots, html)
    else:
        _one(weights, options, json_out, plots, html, spectator_options.open(weights, engine))
    if place is not None:
        export_after(weights, place, engine, options.engine_options)


def _one(
    weights: Weights,
    options: EvaluationOptions,
    json_out: Path | None,
    plots: Path | None,
    html: Path | None,
    spectator: Spectator | None,
) -> None:
    from parkour.evaluation.report import as_json, write_json
    from parkour.evaluation.tables import evaluation_tables
    from parkour.storage import write_text

    result = _evaluate(weights, options, spectator=spectator)
    screen = console()
    for table in evaluation_tables(result, screen.width):
        screen.print(table)
    if json_out is not None:
        write_json(json_out, as_json(result))
        notice(f"figures: {json_out}")
    if plots is None and html is None:
        return
    from parkour.evaluation.html import evaluation_page
    from parkour.evaluation.plots import evaluation_figures, write_figures

    with stage(DRAWING):
        figures = evaluation_figures(result)
    if plots is not None:
        notice(f"plots: {', '.join(str(path) for path in write_figures(plots, figures))}")
    if html is not None:
        write_text(html, evaluation_page(result, figures), "--html")
        notice(f"report: {html}")


def _compare(
    first: Weights,
    second: Weights,
    options: EvaluationOptions,
    json_out: Path | None,
    plots: Path | None,
    html: Path | None,
) -> None:
    from parkour.evaluation.compare import compare
    from parkour.evaluation.html import comparison_page
    from parkour.evaluation.plots import comparison_figures, evaluation_figures, write_figures
    from parkour.evaluation.protocol import find_protocol, same_courses
    from parkour.evaluation.report import comparison_as_json, write_json
    from parkour.evaluation.tables import comparison_tables, evaluation_tables
    from parkour.storage import write_text

    tasks = same_courses(first, second, find_protocol(options.protocol), options.changes)
    a = _evaluate(first, options, tasks[0], "A: ")
    b = _evaluate(second, options, tasks[1], "B: ")
    result = compare(a, b)
    screen = console()
    for table in (*evaluation_tables(a, screen.width), *evaluation_tables(b, screen.width)):
        screen.print(table)
    for table in comparison_tables(result):
        screen.print(table)
    if json_out is not None:
        write_json(json_out, comparison_as_json(result))
        notice(f"figures: {json_out}")
    with stage(DRAWING):
        figures = comparison_figures(result) if plots is not None or html is not None else {}
    if plots is not None:
        paths = write_figures(plots, figures)
        with stage(DRAWING):
            for each, prefix in ((a, "a_"), (b, "b_")):
                paths += write_figures(plots, evaluation_figures(each), prefix)
        notice(f"plots: {', '.join(str(path) for path in paths)}")
    if html is not None:
        write_text(html, comparison_page(result, figures), "--html")
        notice(f"report: {html}")


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
    notice(f"{prefix}{len(result.episodes)} episodes in {result.steps} control steps, {seconds:.1f} s")
    return result


def _check_outputs(json_out: Path | None, plots: Path | None, html: Path | None) -> None:
    """Before anything slow happens."""
    from parkour.storage import check_writable

    if json_out is not None:
        check_writable(json_out, "--json")
    if html is not None:
        check_writable(html, "--html")
    if plots is not None:
        check_writable(plots, "--plots", folder=True)


def _refuse_source(source: PolicySource) -> None:
    given = [
        name
        for name, wanted in (
            ("TASK", source.task),
            ("--checkpoint", source.checkpoint),
            ("--run", source.run),
            ("--pretrained", source.pretrained),
        )
        if wanted
    ]
    if given:
        raise ParkourError(f"got --compare and {given[0]}, expected one of them: --compare A B names both policies")
