"""Options and settings that commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from parkour.evaluation.protocol import TaskChanges

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

# Which weights: see parkour.policies.source.PolicySource, which takes them as they are.
PolicyTaskArgument = Annotated[
    str | None,
    typer.Argument(metavar="TASK", help="Task that the weights are of; the checkpoint's.", show_default=False),
]
CheckpointOption = Annotated[Path | None, typer.Option("--checkpoint", metavar="FILE", help="Weights to use.")]
RunOption = Annotated[
    Path | None, typer.Option("--run", metavar="DIR", help="Run folder, whose newest checkpoint is used.")
]
PretrainedOption = Annotated[bool, typer.Option("--pretrained", help="Use the weights that are shipped.")]
ExportOption = Annotated[
    Path | None,
    typer.Option("--export", metavar="DIR", help="Then write the policy as ONNX here; see parkour export."),
]
LogRootOption = Annotated[
    Path, typer.Option("--log-root", metavar="DIR", help="Where runs are looked for when none is named.")
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", metavar="NAME", help="cpu, cuda or cuda:N; a GPU if there is one.")
]
EngineOption = Annotated[
    str | None, typer.Option("--engine", metavar="NAME", help="Simulator; the first that can run here.")
]
CpuSimOption = Annotated[
    str | None,
    typer.Option(
        "--cpu-sim", metavar="NAME", help="What steps the worlds on a CPU: native (C MuJoCo, the default) or warp."
    ),
]


def engine_options(cpu_sim: str | None) -> dict[str, str]:
    """Options for the engine alone, those that were given."""
    return {} if cpu_sim is None else {"cpu_sim": cpu_sim}


def task_changes(
    difficulty: str | None, terrain: Sequence[str] | None, noise: str | None, sets: Sequence[str], withs: Sequence[str]
) -> TaskChanges:
    """What a command that runs a policy changes of its task.

    Raises:
        ParkourError: ``difficulty`` is no range.
    """
    from parkour.evaluation.protocol import TaskChanges, parse_difficulty

    bounds = parse_difficulty(difficulty) if difficulty is not None else None
    return TaskChanges(bounds, tuple(terrain or ()), noise, tuple(sets), tuple(withs))
