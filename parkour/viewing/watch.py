"""From a choice of weights to a session that is watched: one call for ``play`` and ``demo``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import torch

from parkour.engines.choice import check_engine_options, choose_engine
from parkour.engines.device import stepping_threads
from parkour.engines.protocol import Engine
from parkour.engines.task_env import TaskEnv
from parkour.errors import ParkourError
from parkour.learning.rng import seed_everything
from parkour.learning.signals import StopSignals
from parkour.policies.source import Weights
from parkour.quick_imports import uncollected
from parkour.tasks.resolved import ResolvedTask
from parkour.text import counted
from parkour.viewing.driving import DriveSource, Gamepad, Script
from parkour.viewing.follow import VIEWS, View
from parkour.viewing.loop import Film, run
from parkour.viewing.options import DriveOptions, WatchOptions, check_watch
from parkour.viewing.pictures import places
from parkour.viewing.prepare import DRIVEN, PLAY, make_session, make_watched_env, watched_task
from parkour.viewing.session import Session
from parkour.viewing.video import VideoWriter, picture_size
from parkour.viewing.viewer import Viewer, ViewerOptions, check_viewer, open_camera, open_viewer

__all__ = ["DRIVEN", "PLAY", "DriveOptions", "WatchOptions", "check_watch", "watch"]

FILM_STEPS = 1000
"""Control steps of a film where nobody says how many."""
GAMEPADS = Path("/dev/input")


def watch(
    weights: Weights,
    options: WatchOptions,
    *,
    engine: Engine | None = None,
    notify: Callable[[str], None] = lambda line: None,
) -> Session:
    """Show a policy until people have seen enough.

    Args:
        weights: of the policy.
        options: how.
        engine: stands for the one that ``options`` names.
        notify: told in a line what was chosen and where to look.

    Returns:
        The session, which is over.

    Raises:
        ParkourError: bad options, weights that do not fit, nothing to show it with.
    """
    kind = check_watch(options)
    with ExitStack() as stack:
        with uncollected():
            show = _open(stack, weights, options, kind, engine, notify)
        if show.viewer is not None:
            notify(f"{show.viewer.where} (Ctrl-C to end)")
        stop = stack.enter_context(StopSignals(lambda line: notify("stopping")))
        stack.enter_context(stepping_threads(show.device))
        steps = _steps(options, kind, show.source, show.session)
        run(show.session, viewer=show.viewer, film=show.film, steps=steps, stop=lambda: bool(stop.reason))
    if show.film is not None:
        notify(f"video: {show.film.writer.path} ({counted(show.film.writer.frames, 'frame')})")
    return show.session


class _Show(NamedTuple):
    """A session, and all that it is watched and driven with."""

    session: Session
    device: torch.device
    source: DriveSource | None
    viewer: Viewer | None
    film: Film | None


def _open(
    stack: ExitStack, weights: Weights, options: WatchOptions, kind: str, engine: Engine | None,
    notify: Callable[[str], None],
) -> _Show:  # fmt: skip
    """Everything that is needed before the first step; ``stack`` closes it."""
    name, engine = ("custom", engine) if engine is not None else _engine(options)
    task = watched_task(weights, options, kind, engine)
    source = _drive_source(options.drive, task, kind, notify) if options.drive is not None else None
    if source is not None:
        stack.callback(source.close)
    check_viewer(name, engine, kind)
    seed_everything(options.seed)
    env = make_watched_env(engine, task, options, kind)
    stack.callback(env.close)
    session = make_session(env, task, weights, options, source, notify)
    # The task's name, since the page may choose another policy, or follow a training.
    view = ViewerOptions(
        task.name, options.port, options.drive is not None, session.depth is not None, options.depth_width
    )
    viewer = None
    if kind != "none":
        viewer = open_viewer(kind, engine, env, task, session, view)
        stack.callback(viewer.close)
    film = _film(options, name, engine, env, task, view)
    if film is not None:
        stack.callback(film.close)
    return _Show(session, env.device, source, viewer, film)


def _engine(options: WatchOptions) -> tuple[str, Engine]:
    """The engine asked for, and its bare name."""
    identity, engine = choose_engine(options.engine)
    check_engine_options(identity, engine, options.engine_options)
    return identity.rpartition(":")[2], engine


def _film(
    options: WatchOptions, name: str, engine: Engine, env: TaskEnv, task: ResolvedTask, view: ViewerOptions
) -> Film | None:
    """The film to make, if one is wanted."""
    if options.video is None:
        return None
    size = picture_size(options.video, options.video_size)
    each, _ = places(options.side_by_side, size)
    wanted = options.camera or ("behind" if view.behind else "side")
    looks: View = next(known for known in VIEWS if known == wanted)
    with ExitStack() as stack:
        cameras = []
        for _ in range(options.side_by_side):
            cameras.append(open_camera(name, engine, env, task, each, looks))
            stack.callback(cameras[-1].close)
        film = Film(VideoWriter(options.video, size), cameras, size, depth=view.depth, depth_width=view.depth_width)
        stack.pop_all()
    return film


def _steps(options: WatchOptions, kind: str, source: DriveSource | None, session: Session) -> int | None:
    """Control steps: what was asked for; else the script's, for films some, for people no end."""
    if options.steps is not None:
        return options.steps
    if options.seconds is not None:
        return max(round(options.seconds / session.step_dt), 1)
    if isinstance(source, Script) and source.end > 0:
        return round(source.end / session.step_dt)
    return FILM_STEPS if kind == "none" else None


def _drive_source(
    drive: DriveOptions, task: ResolvedTask, kind: str, notify: Callable[[str], None]
) -> DriveSource | None:
    """What drives besides keys and sliders: the script, the gamepad asked for, or the first one that is there."""
    if drive.script is not None:
        return Script(drive.script)
    speed = task.model.command.speed[1]
    gamepad = Gamepad(drive.gamepad, speed) if drive.gamepad is not None else _first_gamepad(speed, kind, notify)
    if gamepad is not None:
        notify(f"gamepad: {gamepad.path}")
    return gamepad


def _first_gamepad(speed: float, kind: str, notify: Callable[[str], None]) -> Gamepad | None:
    """Nobody asked for it, so one that cannot be used is no error."""
    found = sorted(GAMEPADS.glob("js*")) if GAMEPADS.is_dir() else []
    if not found:
        if kind == "none":
            raise ParkourError("nobody drives: got neither a viewer nor --script nor a gamepad", hint="--script FILE")
        return None
    try:
        return Gamepad(found[0], speed)
    except ParkourError as error:
        notify(error.message)
        return None
