"""Options that commands share, each declared once.

An option whose default is found out when the command runs says it in its help, as Typer says all others:
``[default: …]``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkour.commands.progress import loading
from parkour_cli.changes import read_changes

if TYPE_CHECKING:
    from parkour.evaluation.protocol import TaskChanges
    from parkour.policies.source import PolicySource

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="Name or alias of a task, or a TOML file.")]
OverlayOption = Annotated[
    str | None, typer.Option("--overlay", metavar="NAME", help="Changes to apply: train, eval or play.")
]
NoiseOption = Annotated[
    str | None,
    typer.Option("--noise", metavar="PRESET", help="Students: sensor noise, an overlay of the task (noisy)."),
]
SetOption = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Set a number, e.g. rewards.feet_edge.weight=-2. Repeatable."),
]
WithOption = Annotated[
    list[str],
    typer.Option("--with", metavar="KIND:NAME=NUMBER", help="Add a component, e.g. terrain:NAME=0.2. Repeatable."),
]
ExportOption = Annotated[
    Path | None,
    typer.Option(
        "--export",
        metavar="[DIR]",
        help="Then write the policy as ONNX and TorchScript, here or in exported/ of its run; see parkour export.",
    ),
]
ALLOW_MISMATCH = typer.Option(
    "--allow-mismatch", help="Use weights though inputs or actions mean something else than in training."
)
DepthWidthOption = Annotated[
    int | None,
    typer.Option(
        "--depth-width", metavar="PIXELS", help="Width of all depth images together. [default: as the viewer has room]"
    ),
]
DEVICE = typer.Option("--device", metavar="NAME", help="cpu, cuda or cuda:N. [default: a GPU if there is one]")
ENGINE = typer.Option("--engine", metavar="NAME", help="Simulator. [default: the first that can run here]")
PHYSICS = typer.Option(
    "--physics",
    metavar="NAME",
    help="What simulates in Isaac Lab: ovphysx (PhysX), newton or kit (Isaac Sim). [default: ovphysx]",
)
SEED = typer.Option("--seed", help="Seed of courses, randomization and commands.")


@dataclass(frozen=True)
class DeviceOptions:
    """Where to compute."""

    device: Annotated[str | None, DEVICE] = None


@dataclass(frozen=True)
class EngineOptions:
    """What simulates."""

    engine: Annotated[str | None, ENGINE] = None
    cpu_sim: Annotated[
        str | None,
        typer.Option(
            "--cpu-sim",
            metavar="NAME",
            help="What steps the worlds on a CPU: native (C MuJoCo) or warp. [default: native]",
        ),
    ] = None

    physics: Annotated[str | None, PHYSICS] = None

    @property
    def own(self) -> dict[str, str]:
        """Options for the engine alone, those that were given."""
        given = {"cpu_sim": self.cpu_sim, "physics": self.physics}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class PolicyOptions:
    """Which weights: see :class:`parkour.policies.source.PolicySource`, which takes them as they are."""

    task: Annotated[
        str | None,
        typer.Argument(
            metavar="TASK", help="Task that the weights are of. [default: the checkpoint's]", show_default=False
        ),
    ] = None
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="Weights to use, or a model card's folder; model_500.pt or 500: that of the run.",
        ),
    ] = None
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="DIR", help="Run folder or its name, whose newest checkpoint is used."),
    ] = None
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Use the pretrained weights.")] = False
    log_root: Annotated[
        Path, typer.Option("--log-root", metavar="DIR", help="Where runs are looked for; an experiment's will do.")
    ] = Path("logs")
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", metavar="NAME", help="Folder of the runs looked through. [default: all]"),
    ] = None

    def source(self) -> PolicySource:
        """For :func:`parkour.policies.source.load_weights`."""
        with loading():
            from parkour.policies.source import PolicySource

        return PolicySource(self.task, self.checkpoint, self.run, self.pretrained, self.log_root, self.experiment)


@dataclass(frozen=True)
class TaskOptions:
    """Changes of a task."""

    sets: SetOption = field(default_factory=list)
    withs: WithOption = field(default_factory=list)

    def to_changes(self) -> dict[str, Any]:
        """Paths to values, see :mod:`parkour.tasks.changes`.

        Raises:
            TaskError: an option is malformed.
        """
        return read_changes(self.sets, self.withs)


@dataclass(frozen=True)
class PolicyTaskOptions(TaskOptions):
    """What a command that runs a policy changes of its task."""

    terrain: Annotated[
        list[str],
        typer.Option(
            "--terrain", metavar="NAME", help="Only this terrain. Repeatable. [default: all of the task's]",
            show_default=False,
        ),
    ] = field(default_factory=list)  # fmt: skip
    difficulty: Annotated[
        str | None,
        typer.Option("--difficulty", metavar="A:B", help="Range of difficulties within 0:1. [default: the task's]"),
    ] = None
    noise: NoiseOption = None
    allow_mismatch: Annotated[bool, ALLOW_MISMATCH] = False
    allow_missing: Annotated[
        bool,
        typer.Option(
            "--allow-missing",
            help="Leave out rewards, events, commands, noise and terrains whose plugins are not installed.",
        ),
    ] = False

    def changes(self) -> TaskChanges:
        """For the functions that run a policy.

        Raises:
            ParkourError: ``difficulty`` is no range, or another option is malformed.
        """
        from parkour.commands import parse_range
        from parkour.evaluation.protocol import TaskChanges

        bounds = parse_range("--difficulty", self.difficulty) if self.difficulty is not None else None
        return TaskChanges(
            bounds, tuple(self.terrain), self.noise, self.to_changes(), self.allow_mismatch, self.allow_missing
        )
