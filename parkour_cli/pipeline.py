"""``parkour pipeline``: teacher, student, gauntlet, export and sim2sim, in one command that can go on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from parkour.arguments import whole
from parkour.commands import OptionsOf, grouped, make_app, notice, print_result
from parkour.commands.progress import loading
from parkour.errors import ParkourError
from parkour.pipeline.plan import WEIGHTS
from parkour.pipeline.settings import DEGRADATIONS, Gates, PipelineSettings
from parkour.terminal import Terminal
from parkour_cli.changes import read_changes
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
    from parkour.pipeline.plan import make_stages
    from parkour.pipeline.process import CommandLine, StageStoppedError
    from parkour.pipeline.run import run_pipeline

    settings = replace(
        settings, folder=out or Path("pipelines") / settings.name, teacher_changes=tuple(teacher_set),
        student_changes=tuple(student_set), degradations=_degradations(degradation), gates=Gates.read(gate),
    )  # fmt: skip
    with loading():
        _check(settings)
        settings = replace(settings, teacher_conditions=_teacher_conditions(settings))
    display = ConsoleDisplay(Terminal(stderr=True), make_stages(settings), settings.folder)
    try:
        run_pipeline(settings, CommandLine("parkour_cli"), display)
    except StageStoppedError as stopped:
        notice("stopped; the same command goes on from here")
        raise typer.Exit(stopped.status) from None
    print_result(settings.folder / WEIGHTS)


def _degradations(names: list[str]) -> tuple[str, ...]:
    """What the gauntlet tries; empty: everything."""
    return () if names == ["all"] else tuple(names) or DEGRADATIONS


def _check(settings: PipelineSettings) -> None:
    """What a stage would find wrong, before the first one begins."""
    from parkour.engines.choice import choose_num_envs
    from parkour.engines.device import choose_device
    from parkour.evaluation.evaluate import MOST_ENVS, MOST_STEPS
    from parkour.learning.launch import wants_processes
    from parkour.learning.options import TrainOptions
    from parkour.learning.plan import check_options as check_training
    from parkour.pipeline.plan import make_stages
    from parkour.pipeline.training import Training
    from parkour.policies.definition import define_training
    from parkour.tasks import load_task

    for each in make_stages(settings):
        if isinstance(each, Training):
            overlay = "+".join(filter(None, ("train", each.overlay)))
            loaded = load_task(each.task, overlay=overlay, changes=read_changes(each.changes))
            define_training(loaded)
            choose_num_envs(settings.num_envs, loaded, "cpu")
    _check_scoring(settings)
    wants_processes(settings.gpus, settings.device)
    choose_device(settings.device)
    check_training(TrainOptions(seed=settings.seed), "teacher")
    whole("--eval-envs", settings.eval_envs, 1, MOST_ENVS)
    whole("--eval-steps", settings.eval_steps, 1, MOST_STEPS)


def _check_scoring(settings: PipelineSettings) -> None:
    """Whether the student's task has what it is to be scored under."""
    from parkour.evaluation.degradations import find_degradations
    from parkour.evaluation.protocol import check_noise
    from parkour.registry import default_registry
    from parkour.tasks import load_task
    from parkour.tasks.document import read_task

    check_noise(read_task(settings.student_task, default_registry())[0], settings.noise)
    changes = read_changes(settings.student_changes)
    clean = load_task(settings.student_task, overlay="eval", changes=changes)
    if not settings.degradations:
        return  # Of all, the gauntlet leaves out what cannot be laid on the task.
    for each in find_degradations(settings.degradations):
        if reason := each.obstacle(clean):
            raise ParkourError(f"--degradation {each.name}: {reason}", hint=f"parkour plugins show {each.id}")
        load_task(settings.student_task, overlay="eval", changes=each.over(changes))


def _teacher_conditions(settings: PipelineSettings) -> tuple[str, ...]:
    """Where the student's robot differs from its teacher's when they are scored.

    How a teacher walks where actions act at once says little where its student's act 20 ms later: the gate would let
    through what no student can learn from.
    """
    from parkour.evaluation.evaluate import EvaluationOptions
    from parkour.evaluation.protocol import find_protocol, nominal, unlike_conditions
    from parkour.tasks import load_task

    protocol = find_protocol(EvaluationOptions().protocol)
    teacher, student = (
        nominal(load_task(task, overlay=protocol.overlay, changes={**read_changes(changes), **protocol.changes}))
        for task, changes in (
            (settings.teacher_task, settings.teacher_changes), (settings.student_task, settings.student_changes)
        )
    )  # fmt: skip
    differ = unlike_conditions(teacher, student)
    return tuple(f"{path}={json.dumps(wanted)}" for path, (_, wanted) in differ.items() if wanted is not None)
