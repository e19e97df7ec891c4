"""What ``parkour play`` and ``parkour demo`` share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkour.commands import notice
from parkour.commands.progress import loading
from parkour_cli.options import SEED, DepthWidthOption, EngineOptions, PolicyTaskOptions

if TYPE_CHECKING:
    from parkour.policies.source import PolicySource
    from parkour.viewing.watch import DriveOptions, WatchOptions


@dataclass(frozen=True)
class WatchingOptions:
    """How a policy is shown: the fields of :class:`parkour.viewing.watch.WatchOptions` of these names."""

    viewer: Annotated[
        str | None,
        typer.Option(
            "--viewer",
            metavar="KIND",
            help="web (a page, on this machine alone), native (a window) or none. "
            "[default: none with --video, else native where there is a display, else web]",
        ),
    ] = None
    port: Annotated[
        int | None, typer.Option("--port", help="Of the web viewer. [default: 8080, or the next free one]")
    ] = None
    video: Annotated[
        Path | None,
        typer.Option("--video", metavar="FILE", help="Write a film of it (.mp4 at 25 pictures a second, or .gif)."),
    ] = None
    video_size: Annotated[
        str | None,
        typer.Option("--video-size", metavar="WxH", help="Of the film. [default: 960x540, a .gif 480x270]"),
    ] = None
    camera: Annotated[
        str | None,
        typer.Option(
            "--camera",
            metavar="NAME",
            help="Of the film: side, behind, front or above. [default: play side, demo behind]",
        ),
    ] = None
    side_by_side: Annotated[int, typer.Option("--side-by-side", metavar="N", help="Robots in the film, up to 9.")] = 1
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="Control steps, then end. [default: no end with a viewer, 1000 for a film alone]"),
    ] = None
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Simulated seconds, then end; in place of --steps.")
    ] = None
    num_envs: Annotated[
        int | None,
        typer.Option("--num-envs", help="Robots, of which one is watched. [default: play one per terrain, demo 1]"),
    ] = None
    seed: Annotated[int, SEED] = 1
    show_depth: Annotated[
        bool,
        typer.Option(
            "--show-depth",
            help="Show depth images for teachers too: what a camera would see. Students always show theirs.",
        ),
    ] = False
    depth_width: DepthWidthOption = None
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="cpu, cuda or cuda:N; for a few robots the CPU will do.")
    ] = "cpu"

    def of(self, engine: EngineOptions, task: PolicyTaskOptions, drive: DriveOptions | None = None) -> WatchOptions:
        """With what the command was told besides."""
        from parkour.viewing.watch import WatchOptions

        return WatchOptions(
            **vars(self), engine=engine.engine, engine_options=engine.own, drive=drive, changes=task.changes()
        )


def watch_policy(source: PolicySource, options: WatchOptions, export: Path | None) -> None:
    """Find the weights, show them, and export them if that was asked for."""
    with loading():
        from parkour.policies.source import load_weights
        from parkour.viewing.watch import check_watch, watch
        from parkour_cli.export import export_after, export_place

        check_watch(options)
        weights = load_weights(source, notice)
    place = export_place(export, weights)
    notice(f"{weights.label} ({weights.path})")
    session = watch(weights, options, notify=notice)
    ended = ", ".join(f"{count} {how}" for how, count in session.episodes.items())
    notice(f"{session.steps} control steps, {ended}")
    if place is not None:
        export_after(weights, place, options.engine, options.engine_options)
