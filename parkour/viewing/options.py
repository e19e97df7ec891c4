"""What ``play`` and ``demo`` are told, and whether it makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from parkour.errors import ParkourError
from parkour.evaluation.protocol import TaskChanges
from parkour.viewing.driving import Script
from parkour.viewing.video import check_video
from parkour.viewing.viewer import check_depth_width, choose_viewer


@dataclass(frozen=True)
class DriveOptions:
    """Who drives, besides keys and sliders."""

    script: Path | None = None
    gamepad: Path | None = None
    """None: the first that is plugged in, if there is one."""


@dataclass(frozen=True)
class WatchOptions:
    """What is not part of the task."""

    viewer: str | None = None
    port: int | None = None
    video: Path | None = None
    steps: int | None = None
    num_envs: int | None = None
    """One per terrain when None."""
    seed: int = 1
    device: str = "cpu"
    engine: str | None = None
    engine_options: Mapping[str, str] = field(default_factory=dict)
    """Options of the engine's own."""
    show_depth: bool = False
    depth_width: int | None = None
    """Of the depth images [pixels]; what suits the viewer when None."""
    drive: DriveOptions | None = None
    """Somebody drives; None: way points lead."""
    changes: TaskChanges = field(default_factory=TaskChanges)


def check_watch(options: WatchOptions) -> str:
    """The viewer, if the options make sense; quick, and before anything slow happens.

    Raises:
        ParkourError: they do not, or the film cannot be written.
    """
    _check_numbers(options)
    check_depth_width(options.depth_width)
    kind = choose_viewer(options.viewer, video=options.video is not None)
    if options.port is not None and kind != "web":
        raise ParkourError(f"got --port with the viewer {kind}, expected it with the web viewer", hint="--viewer web")
    if options.video is not None:
        check_video(options.video)
    drive = options.drive or DriveOptions()
    if drive.script is not None and drive.gamepad is not None:
        raise ParkourError("got --script and --gamepad, expected one of them")
    if drive.script is not None:
        Script(drive.script)
    return kind


def _check_numbers(options: WatchOptions) -> None:
    for name, value, least in (
        ("--steps", options.steps, 1),
        ("--num-envs", options.num_envs, 1),
        ("--seed", options.seed, 0),
        ("--port", options.port, 1),
    ):
        if value is not None and value < least:
            raise ParkourError(f"{name}: got {value}, expected at least {least}")
    if options.port is not None and options.port > 65535:
        raise ParkourError(f"--port: got {options.port}, expected at most 65535")
