"""What ``parkour play`` and ``parkour demo`` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkour.commands import notice

if TYPE_CHECKING:
    from parkour.policies.source import PolicySource
    from parkour.viewing.watch import WatchOptions

ViewerOption = Annotated[
    str | None,
    typer.Option(
        "--viewer",
        metavar="KIND",
        help="web (a page, on this machine alone), native (a window) or none; "
        "none with --video, else native where there is a display.",
    ),
]
PortOption = Annotated[
    int | None, typer.Option("--port", help="Of the web viewer; 8080 or the next free one.", show_default=False)
]
VideoOption = Annotated[
    Path | None, typer.Option("--video", metavar="FILE", help="Write a film of it (.mp4), at 25 pictures a second.")
]
StepsOption = Annotated[
    int | None,
    typer.Option(
        "--steps", help="Control steps, then end; no end with a viewer, 1000 for a film alone.", show_default=False
    ),
]
DifficultyOption = Annotated[
    str | None,
    typer.Option(
        "--difficulty", metavar="A:B", help="Range of difficulties within 0:1; the task's.", show_default=False
    ),
]
NumRobotsOption = Annotated[
    int | None,
    typer.Option(
        "--num-envs", help="Robots, of which one is watched; play: one per terrain, demo: 1.", show_default=False
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of courses, randomisation and commands.")]
ShowDepthOption = Annotated[
    bool,
    typer.Option(
        "--show-depth", help="Show depth images for teachers too: what a camera would see. Students always show theirs."
    ),
]
WatchDeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAME", help="cpu, cuda or cuda:N; for a few robots the CPU will do.")
]


def watch_policy(source: PolicySource, options: WatchOptions, export: Path | None) -> None:
    """Find the weights, show them, and export them if that was asked for."""
    from parkour.policies.source import load_weights
    from parkour.viewing.watch import check_watch, watch

    check_watch(options)
    if export is not None:
        from parkour.evaluation.report import check_writable

        check_writable(export, "--export", folder=True)
    weights = load_weights(source)
    notice(f"{weights.label} ({weights.path})")
    session = watch(weights, options, notify=notice)
    ended = ", ".join(f"{count} {how}" for how, count in session.episodes.items())
    notice(f"{session.steps} control steps, {ended}")
    if export is not None:
        from parkour_cli.export import export_after

        export_after(weights.path, export, options.engine, options.engine_options)
