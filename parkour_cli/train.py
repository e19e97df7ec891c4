"""``parkour train``: train a policy, or resume a run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkour.commands import OptionsOf, console, grouped, make_app, notice, print_result
from parkour.commands.progress import loading
from parkour.errors import ParkourError, TaskError
from parkour.learning.options import DEFAULT_SEED, TrainOptions
from parkour_cli.options import ALLOW_MISMATCH, DEVICE, EngineOptions, NoiseOption, TaskOptions

if TYPE_CHECKING:
    from parkour.learning.options import RunResult
    from parkour.policies.source import Weights
    from parkour.tasks import ResolvedTask

app = make_app("Train a policy, or resume a run.")

STAGES = {"teacher": "go2-teacher", "student": "go2-student"}
"""What ``--stage`` is short for."""


OPTIONS = OptionsOf(
    {
        "num_envs": typer.Option(help="Parallel environments in each process. [default: the task's, by device]"),
        "iterations": typer.Option(help="Iterations of the whole run. [default: the task's]"),
        "seed": typer.Option(help=f"Seed of all random numbers. [default: {DEFAULT_SEED}]"),
        "run_name": typer.Option(metavar="NAME", help="Appended to the run folder's time."),
        "experiment": typer.Option(metavar="NAME", help="Folder of the runs. [default: the task's name]"),
        "log_root": typer.Option(metavar="DIR", help="Where rsl_rl/EXPERIMENT/RUN is made."),
        "device": DEVICE,
        "resume": typer.Option("--resume", help="Resume a run: the newest, --run or --checkpoint."),
        "run": typer.Option(metavar="DIR", help="Run to resume, or of the teacher."),
        "checkpoint": typer.Option(metavar="FILE", help="To resume; without --resume: the teacher, or first weights."),
        "student": typer.Option(metavar="FILE", help="Student to begin with, not a copy of its teacher."),
        "allow_mismatch": ALLOW_MISMATCH,
        "save_interval": typer.Option(help="Iterations between checkpoints. [default: the task's]"),
        "keep": typer.Option(metavar="N", help="Whole checkpoints that stay; 0: all. [default: 5, or the run's]"),
        "time_limit": typer.Option(metavar="MINUTES", help="Stop and save after so long."),
        "logger": typer.Option(metavar="NAME", help="tensorboard, wandb, one of a plugin, or none."),
        "video": typer.Option("--video", help="Record a short video at the end."),
        "video_interval": typer.Option(metavar="N", help="Film every so many iterations, as training goes on."),
        "git_state": typer.Option("--git-state", help="Store commit and diff in the run folder."),
    }
)
"""What :class:`TrainOptions` are on the command line; those of the engine are :class:`EngineOptions`."""


@dataclass(frozen=True)
class TrainedTask(TaskOptions):
    """What is trained: a task by name or stage, with overlays and changes."""

    task: Annotated[
        str | None,
        typer.Argument(metavar="TASK", help="Name or alias of a task, or a TOML file.", show_default=False),
    ] = None
    stage: Annotated[str | None, typer.Option(metavar="NAME", help="teacher (go2-teacher) or student.")] = None
    overlay: Annotated[
        list[str],
        typer.Option(
            "--overlay",
            metavar="NAME",
            help="Of the task, applied after train; students: fast, robust. Repeatable.",
        ),
    ] = field(default_factory=list)
    noise: NoiseOption = None

    def name(self) -> str | None:
        """The task asked for, if any.

        Raises:
            TaskError: there is no such stage.
        """
        if self.stage is not None and self.stage not in STAGES:
            raise TaskError(f"--stage: got {self.stage!r}, expected {' or '.join(STAGES)}")
        return self.task or (STAGES[self.stage] if self.stage else None)

    def overlays(self) -> list[tuple[str, str]]:
        """Those asked for, each with its option."""
        return [
            *(("--overlay", name) for name in self.overlay),
            *([] if self.noise is None else [("--noise", self.noise)]),
        ]

    def resolve(self, resumed: Weights | None) -> ResolvedTask:
        """The task to train; that of the run, as it was, when one is resumed.

        Raises:
            ParkourError: none is named, or it is of another stage.
        """
        from parkour.policies.task import task_of
        from parkour.tasks import load_task

        name, changes = self.name(), self.to_changes()
        if resumed is not None:
            resolved = task_of(resumed, changes=changes)
        elif name is None:
            raise ParkourError("no task given, expected a name or --stage", hint="parkour train go2-teacher")
        else:
            overlay = "+".join(["train", *(value for _, value in self.overlays())])
            resolved = load_task(name, overlay=overlay, changes=changes)
        if self.stage is not None and resolved.model.stage != self.stage:
            raise TaskError(f"--stage: got {self.stage!r}, but task {resolved.name!r} trains a {resolved.model.stage}")
        return resolved


@app.command()
@grouped
def train(
    options: Annotated[TrainOptions, OPTIONS],
    engine_options: EngineOptions,
    trained: TrainedTask,
    gpus: Annotated[int, typer.Option(help="Processes that train together, one per GPU.")] = 1,
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Start with the pretrained teacher.")] = False,
    callback: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,KEY=VALUE…]", help="Called as the training goes, with parameters. Repeatable."),
    ] = None,
) -> None:
    """Train a policy, or resume a run. Ctrl-C saves a checkpoint first.

    A student (--stage student) is trained from a teacher: --checkpoint FILE, --run DIR or --pretrained. It begins as
    a copy of it, or with --student FILE where another student stopped.
    """
    with loading():
        from parkour.learning.launch import run_processes, wants_processes

    if pretrained:
        options = replace(options, checkpoint=_pretrained(options))
    options = replace(
        options, engine=engine_options.engine, engine_options=engine_options.own, callbacks=_callbacks(callback or ())
    )
    with loading():
        start = _resumed(trained, options) if options.resume else None
        resolved = trained.resolve(start)
    if wants_processes(gpus, options.device):
        raise typer.Exit(run_processes(gpus, "parkour_cli", sys.argv[1:], notice))
    _report(_train(resolved, options, start))


def _callbacks(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Names and parameters: ``stop_early,success=0.9``, values as ``--set`` takes them.

    Raises:
        ParkourError: a parameter without a value, or one callback twice.
    """
    from parkour.tasks.change_text import read_value

    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, *numbers = text.split(",")
        if name in found:
            raise ParkourError(f"--callback: got {name!r} twice, expected one of each")
        found[name] = {}
        for number in numbers:
            key, equals, value = number.partition("=")
            if not equals:
                raise ParkourError(
                    f"--callback: got {number!r} in {text!r}, expected KEY=VALUE",
                    hint=f"parkour plugins show {name} --kind callback",
                )
            found[name][key.strip()] = read_value(value.strip(), "--callback")
    return found


def _pretrained(options: TrainOptions) -> Path:
    """The pretrained teacher."""
    from parkour.policies.source import PolicySource, find_checkpoint

    if options.resume:
        raise ParkourError("got --pretrained and --resume, expected one of them")
    source = PolicySource(checkpoint=options.checkpoint, run=options.run, pretrained=True)
    return find_checkpoint(source, stage="teacher")


def _resumed(trained: TrainedTask, options: TrainOptions) -> Weights:
    """The checkpoint that a run resumes from."""
    from parkour.learning.run_folder import check_resumed, resume_source
    from parkour.policies.source import task_named, weights_at

    name = trained.name()
    for option, value in trained.overlays():
        raise ParkourError(f"got --resume and {option} {value}, expected one of them: a run resumes as it was")
    task_name = task_named(name)[0]
    weights = weights_at(resume_source(options, task_name))
    if task_name is not None:
        check_resumed(weights.path, weights.checkpoint, task_name)
    return weights


def _train(task: ResolvedTask, options: TrainOptions, start: Weights | None) -> RunResult:
    with loading():
        from parkour.learning.peers import launched
        from parkour.learning.rescue import PeerLostError
        from parkour.learning.train import train

    try:
        return train(task, options, console=console(), notify=notice, start=start)
    except PeerLostError:
        if launched():  # The launcher says which one.
            raise typer.Exit(1) from None
        raise


def _report(result: RunResult) -> None:
    """Where the policy is, and how to go on."""
    from parkour.engines.device import rank
    from parkour.learning.signals import STATUSES

    if rank() != 0:
        return
    if result.stopped:
        notice(f"stopped after iteration {result.iterations}: {result.stopped}")
        notice(f"resume with: parkour train --resume --run {result.run}")
    else:
        # A line each, so that a narrow terminal splits neither.
        notice(f"try it: parkour eval --run {result.run}")
        notice(f"    or: parkour play --run {result.run}")
    print_result(result.checkpoint)
    if code := STATUSES.get(result.stopped):
        raise typer.Exit(code)
