"""From a choice of weights to a session that is watched: one call for ``play`` and ``demo``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from parkour.engines.choice import check_engine_options, choose_engine
from parkour.engines.device import choose_device, stepping_threads
from parkour.engines.make import make_task_env
from parkour.engines.protocol import Engine
from parkour.engines.task_env import TaskEnv
from parkour.errors import ParkourError
from parkour.evaluation.protocol import Protocol, TaskChanges, evaluation_task
from parkour.learning.rng import seed_everything
from parkour.learning.signals import StopSignals
from parkour.mdp.drive import Drive
from parkour.policies.deployed import load_policy
from parkour.policies.source import Weights
from parkour.tasks.resolved import ResolvedTask
from parkour.viewing.depth import DepthFeed
from parkour.viewing.driving import Driver, DriveSource, Gamepad, Script
from parkour.viewing.loop import Film, run
from parkour.viewing.session import Session
from parkour.viewing.video import SIZE, VideoWriter, check_video
from parkour.viewing.viewer import (
    ViewerOptions,
    check_depth_width,
    check_viewer,
    choose_viewer,
    open_camera,
    open_viewer,
    watch_options,
)

FILM_STEPS = 1000
"""Control steps of a film where nobody says how many."""
GAMEPADS = Path("/dev/input")

PLAY = Protocol(
    name="play",
    summary="the task's overlay play, as many robots on every terrain",
    changes={"course.curriculum": False},
    equal_shares=True,
    stratified=False,
    overlay="play",
    difficulty=None,
    columns_per_terrain=1,
)
DRIVEN = Protocol(
    name="demo",
    summary="as play, and episodes end only where the course does",
    changes={"course.curriculum": False, "timing.episode_length": 3600.0, "command.resample": "never"},
    equal_shares=True,
    stratified=False,
    overlay="play",
    difficulty=None,
    columns_per_terrain=1,
)


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
    task = evaluation_task(weights, PLAY if options.drive is None else DRIVEN, options.changes)
    source = _drive_source(options.drive, task, kind, notify) if options.drive is not None else None
    name, engine = ("custom", engine) if engine is not None else _engine(options)
    check_viewer(name, engine, kind)
    seed_everything(options.seed)
    with ExitStack() as stack:
        if source is not None:
            stack.callback(source.close)
        env = _make_env(engine, task, options, kind)
        stack.callback(env.close)
        session = _session(env, task, weights, options, source, notify)
        view = ViewerOptions(
            weights.label, options.port, options.drive is not None, session.depth is not None, options.depth_width
        )
        viewer = None
        if kind != "none":
            viewer = open_viewer(kind, engine, env, task, session, view)
            stack.callback(viewer.close)
        film = _film(options.video, name, engine, env, task, view)
        if film is not None:
            stack.callback(film.close)
        if viewer is not None:
            notify(f"{viewer.where} (Ctrl-C to end)")
        stop = stack.enter_context(StopSignals(lambda line: notify("stopping")))
        stack.enter_context(stepping_threads(env.device))
        steps = _steps(options, kind, source, session)
        run(session, viewer=viewer, film=film, steps=steps, stop=lambda: bool(stop.reason))
    if film is not None:
        notify(f"video: {film.writer.path} ({film.writer.frames} frames)")
    return session


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


def _engine(options: WatchOptions) -> tuple[str, Engine]:
    """The engine asked for, and its bare name."""
    identity, engine = choose_engine(options.engine)
    check_engine_options(identity, engine, options.engine_options)
    return identity.rpartition(":")[2], engine


def _make_env(engine: Engine, task: ResolvedTask, options: WatchOptions, kind: str) -> TaskEnv:
    """The engine's environment, with what it needs to be watched."""
    own = watch_options(engine, kind, video=options.video is not None)
    return make_task_env(
        engine,
        task,
        num_envs=_num_envs(options, task),
        device=choose_device(options.device),
        seed=options.seed,
        options={**own, **options.engine_options},
    )


def _film(
    path: Path | None, name: str, engine: Engine, env: TaskEnv, task: ResolvedTask, view: ViewerOptions
) -> Film | None:
    """The film to make, if one is wanted."""
    if path is None:
        return None
    camera = open_camera(name, engine, env, task, SIZE, view.behind)
    return Film(VideoWriter(path), camera, depth=view.depth, depth_width=view.depth_width)


def _session(
    env: TaskEnv,
    task: ResolvedTask,
    weights: Weights,
    options: WatchOptions,
    source: DriveSource | None,
    notify: Callable[[str], None],
) -> Session:
    mdp = env.mdp
    policy = load_policy(weights, task, env, allow_mismatch=options.changes.allow_mismatch)
    driver = None
    if options.drive is not None:
        driver = Driver(Drive(mdp.num_envs, mdp.device, mdp.clock.step_dt), task.model.command.speed[1], source)
    feed = DepthFeed(mdp, task.model.camera, env.get_observations())
    shown = feed.seen_by_policy or options.show_depth
    if shown and not feed.seen_by_policy:
        notify(f"{task.name} has no depth camera: shown is what one would see, the policy does not")
    # Again, because making a policy draws weights.
    seed_everything(options.seed)
    return Session(env, policy, driver=driver, depth=feed if shown else None)


def _num_envs(options: WatchOptions, task: ResolvedTask) -> int:
    if options.num_envs is not None:
        return options.num_envs
    return 1 if options.drive is not None else len(task.terrains)


def _steps(options: WatchOptions, kind: str, source: DriveSource | None, session: Session) -> int | None:
    """Control steps: what was asked for; else the script's, for films some, for people no end."""
    if options.steps is not None:
        return options.steps
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
