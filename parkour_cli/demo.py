"""``parkour demo``: drive a policy by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from parkour.commands import grouped, make_app
from parkour_cli.options import EngineOptions, ExportOption, PolicyOptions, PolicyTaskOptions
from parkour_cli.watching import WatchingOptions, watch_policy

app = make_app("Drive a policy by hand: keys, sliders, a gamepad, or a script.")


@dataclass(frozen=True)
class DrivenTaskOptions(PolicyTaskOptions):
    """Those of play, and where to drive."""

    terrain: Annotated[
        list[str],
        typer.Option(
            "--terrain", metavar="NAME",
            help="Only this course; field is wide and flat. Repeatable. [default: demo, and on the page all to choose]",
            show_default=False,
        ),
    ] = field(default_factory=list)  # fmt: skip


@app.command(name="demo")
@grouped
def demo(
    policy: PolicyOptions,
    watching: WatchingOptions,
    task_options: DrivenTaskOptions,
    engine_options: EngineOptions,
    script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Drive by this CSV file: time [s], speed [m/s], turn [rad/s]."),
    ] = None,
    gamepad: Annotated[
        Path | None,
        typer.Option(metavar="DEVICE", help="Gamepad, e.g. /dev/input/js0. [default: the first that is plugged in]"),
    ] = None,
    export: ExportOption = None,
) -> None:
    """Drive a policy by hand over a course: speed and heading from keys, sliders, a gamepad or a script take the place
    of the command and the way points. Teachers and students alike."""
    from parkour.viewing.watch import DriveOptions

    options = watching.of(engine_options, task_options, DriveOptions(script, gamepad))
    watch_policy(policy.source(), options, export)
