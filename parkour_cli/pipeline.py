"""``parkour pipeline``: teacher, student, gauntlet, export and sim2sim, in one command that can go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from parkour.commands import OptionsOf, grouped, make_app, notice, print_result
from parkour.pipeline.plan import WEIGHTS
from parkour.pipeline.settings import DEGRADATIONS, Gates, PipelineSettings
from parkour.terminal import Terminal
from parkour_cli.options import DEVICE

app = make_app("From nothing to a scored, exported policy; called again, it resumes.")

OPTIONS = OptionsOf(
    {
        "name": typer.Argument(metavar="NAME", help="Its tasks are NAME-teacher and NAME-student.", show_default=False),
        "minutes": typer.Option(help="Of training, teacher and student together; measuring takes a few more."),
        "gpus": typer.Option(help="Processes that train together, one per GPU."),
        "device": DEVICE,
        "num_envs": typer.Option(
            help="Parallel environments of each training process. [default: the tasks', by device]"
        ),
        "seed": typer.Option(help="Seed of all random numbers."),
        "teacher_share": typer.Option(help="Of the minutes."),
        "body": typer.Option(
            "--body",
            help="Randomize friction, payload, motors and delays beyond the tasks, not camera and sensors alone.",
        ),
        "first_overlay": typer.Option(
            metavar="NAME",
            help='Of the teacher\'s task for its first minutes, applied after train; "": no such part. '
            '[default: none; with --body "pipeline"]',
        ),
        "first_share": typer.Option(help="Of the teacher's minutes."),
        "teacher_overlay": typer.Option(
            metavar="NAME",
            help="Of the teacher's task for the rest of them, applied after train. "
            "[default: pipeline; with --body pipeline+finetune+robust]",
        ),
        "student_overlay": typer.Option(
            metavar="NAME",
            help="Of the student's task, applied after train. "
            "[default: fast+compact+pipeline+robust+nominal-body; with --body the same without nominal-body]",
        ),
        "noise": typer.Option(metavar="PRESET", help="Noise under which the student is scored as noisy."),
        "eval_envs": typer.Option(help="Parallel environments of evaluations."),
        "eval_steps": typer.Option(help="Control steps of each of them at least, in whole episodes."),
        "episodes": typer.Option(help="Of sim2sim, on each terrain."),
    }
)
"""What :class:`PipelineSettings` are on the command line, but for those that are put together here."""
_CHANGE = "PATH=VALUE"


@app.command()
@grouped
def pipeline(
    settings: Annotated[PipelineSettings, OPTIONS],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder. [default: pipelines/NAME]")
    ] = None,
    teacher_set: Annotated[list[str], typer.Option(metavar=_CHANGE, help="Of the teacher's task. Repeatable.")] = [],  # noqa: B006
    student_set: Annotated[list[str], typer.Option(metavar=_CHANGE, help="Of the student's task. Repeatable.")] = [],  # noqa: B006
    degradation: Annotated[
        list[str],
        typer.Option(
            metavar="NAME", help=f"Of the gauntlet; all: every one. Repeatable. [default: {', '.join(DEGRADATIONS)}]"
        ),
    ] = [],  # noqa: B006
    gate: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=RATE",
            help="Success at least asked for, of teacher, clean, noisy or sim2sim. Repeatable. "
            "[default: teacher=0.85, clean=0.7, noisy=0.6, sim2sim=0.7]",
        ),
    ] = [],  # noqa: B006
) -> None:
    """Train a teacher and a student, score, export and try the student outside its simulator.

    Run again, it goes on where it stopped: finished stages are kept, training takes up its last checkpoint.
    """
    from parkour.pipeline.display import ConsoleDisplay
    from parkour.pipeline.process import StageStoppedError
    from parkour.pipeline.run import run_pipeline

    settings = replace(
        settings, folder=out or Path("pipelines") / settings.name, teacher_changes=tuple(teacher_set),
        student_changes=tuple(student_set), degradations=_degradations(degradation), gates=Gates.read(gate),
    )  # fmt: skip
    try:
        run_pipeline(settings, display=ConsoleDisplay(Terminal(stderr=True), settings.folder))
    except StageStoppedError as stopped:
        notice("stopped; the same command goes on from here")
        raise typer.Exit(stopped.status) from None
    print_result(settings.folder / WEIGHTS)


def _degradations(names: list[str]) -> tuple[str, ...]:
    """What the gauntlet tries; empty: everything."""
    return () if names == ["all"] else tuple(names) or DEGRADATIONS
