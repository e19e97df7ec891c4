"""MuJoCo's own window."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import threading
import time
from typing import Any

import mujoco
import numpy as np

from parkour.errors import EngineError
from parkour.tasks.resolved import ResolvedTask
from parkour.viewing.controls import buttons, window_action
from parkour.viewing.follow import Follow
from parkour.viewing.loop import describe
from parkour.viewing.pictures import depth_sheet
from parkour.viewing.session import HISTORY_SECONDS, Session
from parkour.viewing.viewer import ViewerOptions
from parkour_mujoco.viewer.camera import place_camera
from parkour_mujoco.viewer.model import ViewModel, draw_markers, scene_options

PLOTS_EVERY = 0.2
"""Between updates of plots and depth images [s]."""
POINTS = 200
"""Of a plot's line: every so many control steps of the history are drawn."""
OPENING = 20.0
"""How long the window may take to open [s]."""


class NativeViewer:
    """See :class:`parkour.viewing.viewer.Viewer`. The camera follows; whoever moves it with the mouse turns it about.

    Raises:
        EngineError: no window can be opened.
    """

    def __init__(self, task: ResolvedTask, session: Session, options: ViewerOptions) -> None:
        self._view = ViewModel(task)
        self._follow, self._behind, self._depth = Follow(), options.behind, options.depth
        self._depth_width = options.depth_width
        self._driving = session.driver is not None
        self._session = session
        self._figures = [reward_figure(name) for name in session.rewards.names]
        self._last_plots = 0.0
        self._view.pose(session.snapshot())
        self._window: Any = open_window(self._view.model, self._view.data, self._key)
        with self._window.lock():
            shown = scene_options()
            self._window.opt.geomgroup[:] = shown.geomgroup
            place_camera(self._window.cam, self._follow, session.snapshot(), "behind" if self._behind else "side")
        self.update(session)

    @property
    def running(self) -> bool:
        return bool(self._window.is_running())

    @property
    def where(self) -> str:
        return "window open: " + ", ".join(f"{b.window_key} {b.label.lower()}" for b in buttons(self._driving))

    def update(self, session: Session) -> None:
        window, snapshot = self._window, session.snapshot()
        with window.lock():
            self._view.pose(snapshot)
            before = self._follow.yaw
            window.cam.lookat[:] = self._follow.update(snapshot)
            if self._behind:
                window.cam.azimuth += np.degrees(self._follow.yaw - before)
            window.user_scn.ngeom = 0
            draw_markers(window.user_scn, snapshot)
        if not self.running:
            return
        state = "paused" if session.paused else f"{session.pace:g} x"
        window.set_texts((None, None, describe(snapshot), state))
        if time.monotonic() - self._last_plots >= PLOTS_EVERY and window.viewport is not None:
            self._last_plots = time.monotonic()
            self._show_plots(session)
        if self.running:
            # Box sizes and colours are the model's, which are taken over too.
            window.sync()

    def close(self) -> None:
        self._window.close()

    def _key(self, key: int) -> None:
        action = window_action(key, self._driving)
        if action is not None:
            self._session.controls.ask(action)

    def _show_plots(self, session: Session) -> None:
        viewport = self._window.viewport
        figures = []
        for index, figure in enumerate(self._figures):
            fill_figure(figure, session.rewards.times, session.rewards.values[:, index])
            figures.append((plot_place(viewport, index, len(self._figures)), figure))
        self._window.set_figures(figures)
        images = session.depth_images() if self._depth else None
        if images is not None:
            width = self._depth_width or max(viewport.width // 4, 64)
            sheet = depth_sheet(images, width, session.depth_labels())[: viewport.height, : viewport.width]
            place = mujoco.MjrRect(0, 0, sheet.shape[1], sheet.shape[0])
            self._window.set_images((place, sheet))


def open_window(model: Any, data: Any, key: Any) -> Any:
    """MuJoCo's passive viewer.

    Raises:
        EngineError: it cannot be opened here.
    """
    hint = "--viewer web, or --video out.mp4"
    try:
        import glfw
        import mujoco.viewer

        # MuJoCo's own thread would end the process where GLFW finds no display.
        if not glfw.init():
            raise RuntimeError("GLFW finds no display")
    except Exception as error:  # libraries' own errors
        raise EngineError(f"--viewer native: {type(error).__name__}: {error}", hint=hint) from None
    failed: list[BaseException] = []
    hook, threading.excepthook = threading.excepthook, lambda args: failed.append(args.exc_value or RuntimeError())
    try:
        opened: list[Any] = []

        def launch() -> None:
            opened.append(
                mujoco.viewer.launch_passive(model, data, key_callback=key, show_left_ui=False, show_right_ui=False)
            )

        # It waits for its window for ever where that cannot be made.
        waiting = threading.Thread(target=launch, daemon=True)
        waiting.start()
        deadline = time.monotonic() + OPENING
        while waiting.is_alive() and not failed and time.monotonic() < deadline:
            waiting.join(0.05)
    finally:
        threading.excepthook = hook
    if not opened:
        reason = f"{type(failed[0]).__name__}: {failed[0]}" if failed else "no window could be opened"
        raise EngineError(f"--viewer native: {reason}", hint=hint)
    return opened[0]


def reward_figure(name: str) -> Any:
    """An empty plot of one reward term over the seconds of the history."""
    figure = mujoco.MjvFigure()
    mujoco.mjv_defaultFigure(figure)
    figure.title = name
    figure.flg_legend, figure.flg_extend = 0, 0
    figure.linewidth = 1.5
    figure.figurergba[3] = 0.35
    figure.linergb[0] = (0.35, 0.65, 1.0)
    figure.gridsize[:] = (2, 2)
    figure.xformat, figure.yformat = "%.0f", "%.2g"
    figure.range[0] = (-HISTORY_SECONDS, 0.0)
    return figure


def fill_figure(figure: Any, times: np.ndarray, values: np.ndarray) -> None:
    """Put a history into a plot; it has room for so many points."""
    step = max(1, -(-len(times) // POINTS))
    times, values = times[::-1][::step][::-1], values[::-1][::step][::-1]
    figure.linepnt[0] = len(times)
    figure.linedata[0, : 2 * len(times)] = np.stack([times, values], axis=-1).reshape(-1)
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    margin = max(0.1 * (high - low), 1e-3)
    figure.range[1] = (low - margin, high + margin)


def plot_place(viewport: Any, index: int, count: int) -> Any:
    """Plots stand in two columns on the right."""
    rows = -(-count // 2)
    width, height = viewport.width // 7, viewport.height // max(rows, 1)
    column, row = divmod(index, rows)
    return mujoco.MjrRect(viewport.width - (2 - column) * width, viewport.height - (row + 1) * height, width, height)
