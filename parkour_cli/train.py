"""``parkour train``: train a policy, or go on with a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkour.commands import console, make_app, notice
from parkour.errors import ParkourError, TaskError
from parkour_cli.options import (
    CpuSimOption,
    DeviceOption,
    EngineOption,
    NoiseOption,
    SetOption,
    WithOption,
    engine_options,
)

if TYPE_CHECKING:
    from parkour.learning.options import RunResult, TrainOptions
    from parkour.tasks import ResolvedTask

app = make_app("Train a policy, or go on with a run.")

STAGES = {"teacher": "go2-teacher", "student": "go2-student"}
"""What ``--stage`` is short for."""
_EXIT_CODES = {"Ctrl-C": 130, "SIGTERM": 143}


@app.command()
def train(
    task: Annotated[
        str | None,
        typer.Argument(metavar="TASK", help="Name or alias of a task, or a TOML file.", show_default=False),
    ] = None,
    stage: Annotated[str | None, typer.Option(metavar="NAME", help="teacher (go2-teacher) or student.")] = None,
    num_envs: Annotated[int | None, typer.Option(help="Parallel environments in each process; by device.")] = None,
    iterations: Annotated[int | None, typer.Option(help="Iterations of the whole run; the task's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all random numbers; 1.")] = None,
    run_name: Annotated[str, typer.Option(metavar="NAME", help="Appended to the run folder's time.")] = "",
    experiment: Annotated[str | None, typer.Option(metavar="NAME", help="Folder of the runs; the task's name.")] = None,
    log_root: Annotated[Path, typer.Option(metavar="DIR", help="Where rsl_rl/EXPERIMENT/RUN is made.")] = Path("logs"),
    device: DeviceOption = None,
    gpus: Annotated[int, typer.Option(help="Processes that train together, one per GPU.")] = 1,
    engine: EngineOption = None,
    cpu_sim: CpuSimOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run: the newest, --run or --checkpoint.")
    ] = False,
    run: Annotated[Path | None, typer.Option(metavar="DIR", help="Run to resume, or of the teacher.")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="To resume; without --resume: the teacher, or first weights."),
    ] = None,
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Start with the teacher that is shipped.")] = False,
    student: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Student to begin with, not a copy of its teacher.")
    ] = None,
    save_interval: Annotated[int | None, typer.Option(help="Iterations between checkpoints; the task's.")] = None,
    time_limit: Annotated[float | None, typer.Option(metavar="MINUTES", help="Stop and save after so long.")] = None,
    logger: Annotated[str, typer.Option(metavar="NAME", help="tensorboard, wandb or none.")] = "tensorboard",
    video: Annotated[bool, typer.Option("--video", help="Record a short video at the end.")] = False,
    overlay: Annotated[
        list[str],
        typer.Option(
            "--overlay", metavar="NAME", help="Of the task, laid on train; students have fast, robust. Repeatable."
        ),
    ] = [],  # noqa: B006 - Typer copies it
    noise: NoiseOption = None,
    git_state: Annotated[bool, typer.Option("--git-state", help="Store commit and diff in the run folder.")] = False,
    sets: SetOption = [],  # noqa: B006 - Typer copies it
    withs: WithOption = [],  # noqa: B006
) -> None:
    """Train a policy, or go on with a run. Ctrl-C saves a checkpoint first.

    A student (--stage student) is trained from a teacher: --checkpoint FILE, --run DIR or --pretrained. It begins as
    a copy of it, or with --student FILE where another student stopped.
    """
    from parkour.learning.launch import run_processes, wants_processes
    from parkour.learning.options import TrainOptions

    if pretrained:
        checkpoint = _pretrained(checkpoint, run, resume)
    options = TrainOptions(
        num_envs=num_envs, iterations=iterations, save_interval=save_interval, time_limit=time_limit, seed=seed,
        device=device, engine=engine, engine_options=engine_options(cpu_sim), log_root=log_root, experiment=experiment,
        run_name=run_name, resume=resume, run=run, checkpoint=checkpoint, student=student,
        logger=logger, git_state=git_state, video=video,  # type: ignore[arg-type]
    )  # fmt: skip
    resolved = _task(_name(task, stage), stage, options, overlay, noise, sets, withs)
    if wants_processes(gpus, device):
        raise typer.Exit(run_processes(gpus, "parkour_cli", sys.argv[1:]))
    _report(_train(resolved, options))


def _pretrained(checkpoint: Path | None, run: Path | None, resume: bool) -> Path:
    """The teacher that is shipped."""
    from parkour.policies.source import PolicySource, find_checkpoint

    if resume:
        raise ParkourError("got --pretrained and --resume, expected one of them")
    return find_checkpoint(PolicySource(checkpoint=checkpoint, run=run, pretrained=True), stage="teacher")


def _name(task: str | None, stage: str | None) -> str | None:
    """The task asked for, if any."""
    if stage is not None and stage not in STAGES:
        raise TaskError(f"--stage: got {stage!r}, expected {' or '.join(STAGES)}")
    return task or (STAGES[stage] if stage else None)


def _task(
    name: str | None, stage: str | None, options: TrainOptions, overlays: list[str], noise: str | None,
    sets: list[str], withs: list[str],
) -> ResolvedTask:  # fmt: skip
    """The task to train; that of the run, as it was, when one is resumed."""
    from parkour.tasks import load_task

    laid = [*(("--overlay", name) for name in overlays), *([] if noise is None else [("--noise", noise)])]
    for option, value in laid:
        if options.resume:
            raise ParkourError(f"got --resume and {option} {value}, expected one of them: a run goes on as it was")
    if options.resume:
        resolved = _resumed_task(name, options, sets, withs)
    elif name is None:
        raise ParkourError("no task given, expected a name or --stage", hint="parkour train go2-teacher")
    else:
        names = "+".join(["train", *(value for _, value in laid)])
        resolved = load_task(name, overlay=names, sets=sets, withs=withs)
    if stage is not None and resolved.model.stage != stage:
        raise TaskError(f"--stage: got {stage!r}, but task {resolved.name!r} trains a {resolved.model.stage}")
    return resolved


def _resumed_task(name: str | None, options: TrainOptions, sets: list[str], withs: list[str]) -> ResolvedTask:
    from parkour.learning.run_folder import check_resumed, resume_source
    from parkour.policies.checkpoint_file import load_checkpoint
    from parkour.policies.deployed import task_of
    from parkour.tasks import load_task

    task_name = load_task(name).name if name else None
    path = resume_source(options, task_name or STAGES["teacher"])
    checkpoint = load_checkpoint(path)
    if task_name is not None:
        check_resumed(path, checkpoint, task_name)
    return task_of(checkpoint, "train", sets=sets, withs=withs)


def _train(task: ResolvedTask, options: TrainOptions) -> RunResult:
    from parkour.learning.train import train

    return train(task, options, console=console(), notify=notice)


def _report(result: RunResult) -> None:
    """Where the policy is, and how to go on."""
    from parkour.engines.device import rank

    if rank() != 0:
        return
    if result.stopped:
        notice(f"stopped after iteration {result.iterations}: {result.stopped}")
        notice(f"go on with: parkour train --resume --run {result.run}")
    else:
        notice(f"try it: parkour eval --run {result.run}, or: parkour play --run {result.run}")
    print(result.checkpoint)
    if code := _EXIT_CODES.get(result.stopped):
        raise typer.Exit(code)
