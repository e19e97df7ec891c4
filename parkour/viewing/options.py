"""What ``play`` and ``demo`` are told, and whether it makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from parkour.arguments import whole
from parkour.errors import ParkourError
from parkour.evaluation.protocol import TaskChanges
from parkour.viewing.driving import Script
from parkour.viewing.follow import VIEWS
from parkour.viewing.video import check_video, picture_size
from parkour.viewing.viewer import check_depth_width, choose_viewer

MOST_ROBOTS = 9
"""In a film."""
MOST_SECONDS = 86_400.0
"""Of a session."""


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
    """Film to write."""
    video_size: str | None = None
    """``WIDTHxHEIGHT`` of it; see :func:`parkour.viewing.video.picture_size`."""
    camera: str | None = None
    """Of the film, one of :data:`parkour.viewing.follow.VIEWS`; None: ``behind`` for who drives, or ``side``."""
    side_by_side: int = 1
    """Robots in the film, the watched one first."""
    steps: int | None = None
    seconds: float | None = None
    """Simulated, in place of :attr:`steps`."""
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
    _check_film(options)
    drive = options.drive or DriveOptions()
    if drive.script is not None and drive.gamepad is not None:
        raise ParkourError("got --script and --gamepad, expected one of them")
    if drive.script is not None:
        Script(drive.script)
    return kind


def _check_film(options: WatchOptions) -> None:
    if options.video is None:
        given = {"--video-size": options.video_size, "--camera": options.camera, "--side-by-side": options.side_by_side}
        for name, value in given.items():
            if value not in (None, 1):
                raise ParkourError(f"got {name} without --video, so there is no film", hint="--video out.mp4")
        return
    check_video(options.video)
    picture_size(options.video, options.video_size)
    if options.camera is not None and options.camera not in VIEWS:
        raise ParkourError(f"--camera: got {options.camera!r}, expected {', '.join(VIEWS)}")
    if options.side_by_side > MOST_ROBOTS:
        raise ParkourError(f"--side-by-side: got {options.side_by_side}, expected at most {MOST_ROBOTS}")
    if options.num_envs is not None and options.side_by_side > options.num_envs:
        raise ParkourError(
            f"--side-by-side: got {options.side_by_side}, but --num-envs is {options.num_envs}",
            hint=f"--num-envs {options.side_by_side}",
        )


def _check_numbers(options: WatchOptions) -> None:
    for name, value, least in (
        ("--steps", options.steps, 1),
        ("--num-envs", options.num_envs, 1),
        ("--side-by-side", options.side_by_side, 1),
        ("--seed", options.seed, 0),
        ("--port", options.port, 1),
    ):
        if value is not None:
            whole(name, value, least)
    if options.seconds is not None and not 0.0 < options.seconds <= MOST_SECONDS:
        raise ParkourError(f"--seconds: got {options.seconds:g}, expected more than 0, up to {MOST_SECONDS:g}")
    if options.seconds is not None and options.steps is not None:
        raise ParkourError("got --seconds and --steps, expected one of them")
    if options.port is not None and options.port > 65535:
        raise ParkourError(f"--port: got {options.port}, expected at most 65535")
