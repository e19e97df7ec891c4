"""Windows and pages that show a session. Each engine may offer its own; see :class:`EngineWithViewers`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from parkour.errors import EngineError, ParkourError
from parkour.viewing.follow import View
from parkour.viewing.snapshot import Snapshot

if TYPE_CHECKING:
    from parkour.engines.protocol import Engine
    from parkour.engines.task_env import TaskEnv
    from parkour.tasks.resolved import ResolvedTask
    from parkour.viewing.session import Session

KINDS = ("web", "native", "none")
"""What ``--viewer`` takes: a page in the browser, a window, nothing."""
DEFAULT_PORT = 8080
DEPTH_WIDTHS = (64, 4096)
"""Least and greatest width of the depth images [pixels]."""


@dataclass(frozen=True)
class ViewerOptions:
    """How a session is shown."""

    title: str
    port: int | None = None
    """Of the page; :data:`DEFAULT_PORT` or a free one after it when None."""
    behind: bool = False
    """Look along the robot's heading from behind, not from one side."""
    depth: bool = False
    """Show the depth images."""
    depth_width: int | None = None
    """Of all depth images together [pixels]; what suits the viewer when None."""


class Viewer(Protocol):
    """Shows a session and passes on what people ask of it (:attr:`parkour.viewing.session.Session.controls`)."""

    @property
    def running(self) -> bool:
        """False once it was closed."""
        ...

    @property
    def where(self) -> str:
        """For a line that says where it is."""
        ...

    def update(self, session: Session) -> None:
        """Show the session as it is now; called some 30 times a second, from the session's thread."""
        ...

    def close(self) -> None: ...


class PictureCamera(Protocol):
    """Pictures of a robot for films, without a display."""

    def picture(self, snapshot: Snapshot) -> np.ndarray:
        """``[height, width, 3]`` uint8."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class EngineWithWatchOptions(Protocol):
    """An engine whose environments are made otherwise when they are watched."""

    def watch_options(self, kind: str, video: bool) -> Mapping[str, Any]:
        """Arguments of ``make_env`` for an environment that is watched.

        Args:
            kind: of :data:`KINDS`.
            video: whether a film is made.
        """
        ...


@runtime_checkable
class EngineWithViewers(Protocol):
    """An engine that shows its environments.

    Windows are the engine's own. The page is the same for all (:func:`parkour.viewing.web.open_page`): an engine only
    says what its robot looks like and where it is.
    """

    viewers: tuple[str, ...]
    """Those of :data:`KINDS` that it has."""

    def make_viewer(self, kind: str, env: Any, task: ResolvedTask, session: Session, options: ViewerOptions) -> Viewer:
        """Open a window or a page.

        Raises:
            EngineError: it cannot be opened here.
        """
        ...


@runtime_checkable
class EngineWithCamera(Protocol):
    """An engine that gives pictures for films."""

    def make_camera(self, env: Any, task: ResolvedTask, size: tuple[int, int], view: View) -> PictureCamera:
        """A camera for films.

        Raises:
            EngineError: nothing can be rendered here.
        """
        ...


@runtime_checkable
class EngineWithWorldsApart(Protocol):
    """An engine that says whether robots are in worlds of their own."""

    worlds_apart: bool
    """True: a course may be as wide as it likes, for no other is beside it."""


def choose_viewer(wanted: str | None, *, video: bool) -> str:
    """What was asked for; else none with a film, a window where there is a display, a page where there is not.

    Raises:
        ParkourError: there is no such viewer, or nothing would be seen.
    """
    if wanted is not None and wanted not in KINDS:
        raise ParkourError(f"--viewer: got {wanted!r}, expected {', '.join(KINDS)}")
    if wanted == "none" and not video:
        raise ParkourError("got --viewer none without --video, so nothing would be seen", hint="--video out.mp4")
    if wanted is None:
        return "none" if video else "native" if has_display() else "web"
    return wanted


def check_depth_width(width: int | None) -> None:
    """Whether depth images can be shown so wide.

    Raises:
        ParkourError: they cannot.
    """
    low, high = DEPTH_WIDTHS
    if width is not None and not low <= width <= high:
        raise ParkourError(f"--depth-width: got {width}, expected {low} to {high} pixels")


def has_display() -> bool:
    """Whether windows can be opened."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def check_viewer(name: str, engine: Engine, kind: str) -> None:
    """Before an environment is made: whether an engine has a viewer of this kind, and it can be opened here.

    Args:
        name: of the engine, for the message.
        engine: maybe an :class:`EngineWithViewers`.
        kind: of :data:`KINDS`.

    Raises:
        EngineError: it has not, or there is no display for a window.
    """
    offered = engine.viewers if isinstance(engine, EngineWithViewers) else ()
    if kind == "none":
        return
    if kind not in offered:
        others = ", ".join(f"--viewer {other}" for other in offered)
        raise EngineError(
            f"engine {name!r} has no {kind} viewer; it has {' and '.join(offered) or 'none'}",
            hint=others or ("--video out.mp4" if isinstance(engine, EngineWithCamera) else "--engine mujoco"),
        )
    if kind == "native" and not has_display():
        raise EngineError("--viewer native: there is no display", hint="--viewer web, or --video out.mp4")


def open_camera(
    name: str, engine: Engine, env: TaskEnv, task: ResolvedTask, size: tuple[int, int], view: View
) -> PictureCamera:
    """A camera of an engine.

    Raises:
        EngineError: it has none, or nothing can be rendered here.
    """
    if not isinstance(engine, EngineWithCamera):
        raise EngineError(f"--video: engine {name!r} renders no pictures", hint="--engine mujoco")
    return engine.make_camera(env, task, size, view)


def open_viewer(
    kind: str, engine: Engine, env: TaskEnv, task: ResolvedTask, session: Session, options: ViewerOptions
) -> Viewer:
    """A viewer of an engine that passed :func:`check_viewer`.

    Raises:
        EngineError: it cannot be opened here.
    """
    assert isinstance(engine, EngineWithViewers)
    return engine.make_viewer(kind, env, task, session, options)


def watch_options(engine: Engine, kind: str, *, video: bool) -> Mapping[str, Any]:
    """Arguments of ``make_env`` for an environment that is watched."""
    return engine.watch_options(kind, video) if isinstance(engine, EngineWithWatchOptions) else {}
