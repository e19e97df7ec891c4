"""Buttons, sliders, keys, plots and pictures beside the scene in the browser."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import viser

from parkour.viewing.controls import Action, Button, buttons
from parkour.viewing.driving import MAX_TURN
from parkour.viewing.pictures import depth_sheet
from parkour.viewing.session import HISTORY_SECONDS, Session
from parkour.viewing.snapshot import GOAL_COLOURS, Snapshot
from parkour.viewing.status import status_lines
from parkour.viewing.web.scene import CAMERA_MODES, WebScene
from parkour.viewing.web.settings import SettingsPanel

STATUS_EVERY = 0.2
"""Between updates of text and pictures [s]."""
PLOTS_EVERY = 0.5
"""Between updates of plots [s]."""
PICTURE_WIDTH = 420
"""Of the depth images [pixels]."""
LINE = "#2f629e"
AXIS: dict[str, Any] = {"stroke": "#333", "font": "12px sans-serif", "labelFont": "12px sans-serif",
                        "grid": {"stroke": "#e2e2e2", "width": 1}, "ticks": {"stroke": "#999", "width": 1}}  # fmt: skip
RUNNING_COLOUR, PAUSED_COLOUR = (47, 98, 158), (204, 108, 36)
"""Of the pause button."""


class StatusPanel:
    """What is going on, in words."""

    def __init__(self, gui: Any) -> None:
        self._text = gui.add_markdown("")

    def update(self, session: Session, snapshot: Snapshot) -> None:
        self._text.content = status_text(session, snapshot)


def status_text(session: Session, snapshot: Snapshot) -> str:
    """Lines of Markdown about a session."""
    lines = status_lines(session, snapshot)
    lines[0] = lines[0].replace(snapshot.terrain, f"**{snapshot.terrain}**", 1)
    return "  \n".join(lines)


class ControlPanel:
    """A button and a key for every action, and how the scene is looked at."""

    def __init__(self, gui: Any, session: Session) -> None:
        offered = buttons(session.driver is not None)
        pause = next(button for button in offered if button.action is Action.PAUSE)
        self._key = pause.browser_key
        self.pause = gui.add_button(self._pause_label(session), color=self._pause_colour(session), hint=pause.help)
        self.pause.on_click(self._asks(session, Action.PAUSE))
        rest = [button for button in offered if button is not pause]
        self.groups = [
            self._add_row(gui, session, [button for button in rest if button.row == row])
            for row in dict.fromkeys(button.row for button in rest)
        ]
        # Keys came later than buttons; without them there are still the buttons.
        for button in offered if hasattr(gui, "add_command") else ():
            command = gui.add_command(button.label, description=button.help, hotkey=button.browser_key)
            command.on_trigger(self._asks(session, button.action))

    def update(self, session: Session) -> None:
        """The pause button says what it does next, and looks otherwise while time stands still."""
        label = self._pause_label(session)
        if self.pause.label != label:
            self.pause.label, self.pause.color = label, self._pause_colour(session)

    def _pause_label(self, session: Session) -> str:
        return f"{'Paused: go on' if session.paused else 'Pause'} ({self._key})"

    @staticmethod
    def _pause_colour(session: Session) -> tuple[int, int, int]:
        return PAUSED_COLOUR if session.paused else RUNNING_COLOUR

    @staticmethod
    def _add_row(gui: Any, session: Session, row: Sequence[Button]) -> Any:
        actions = {f"{button.label} ({button.shown_key()})": button.action for button in row}
        group = gui.add_button_group(row[0].row, tuple(actions), hint=" ".join(f"{b.label}: {b.help}" for b in row))
        group.on_click(lambda event: actions.get(group.value) and session.controls.ask(actions[group.value]))
        return group

    @staticmethod
    def _asks(session: Session, action: Action) -> Any:
        def ask(event: object) -> None:
            session.controls.ask(action)

        return ask


class LookPanel:
    """The camera, and what is drawn besides the robot."""

    def __init__(self, gui: Any, scene: WebScene) -> None:
        camera = gui.add_dropdown("camera", CAMERA_MODES, initial_value=scene.camera)
        camera.on_update(lambda event: self._look(scene, camera.value))
        self.markers = gui.add_checkbox("way points", initial_value=True)
        self.markers.on_update(lambda event: setattr(scene.course, "markers", bool(self.markers.value)))
        self.markers.hint = ", ".join(f"{status.value} rgb{colour}" for status, colour in GOAL_COLOURS.items())
        self.forces = gui.add_checkbox("contact forces", initial_value=False, hint="At each foot: 0.4 m for 150 N.")
        self.forces.on_update(lambda event: setattr(scene.overlays, "forces", bool(self.forces.value)))
        self.velocities = gui.add_checkbox(
            "velocities", initial_value=False, hint="Over the robot, 0.6 m for 1 m/s: blue its own, green the command."
        )
        self.velocities.on_update(lambda event: setattr(scene.overlays, "velocities", bool(self.velocities.value)))

    @staticmethod
    def _look(scene: WebScene, mode: str) -> None:
        # What a client sends may be anything; what was not offered changes nothing.
        if mode in CAMERA_MODES:
            scene.camera = mode


class DrivePanel:
    """Sliders for speed and turning, which show what keys and gamepads do too."""

    def __init__(self, gui: Any, session: Session) -> None:
        driver = session.driver
        assert driver is not None
        self._driver = driver
        self._speed = gui.add_slider(
            "speed [m/s]", min=0.0, max=max(driver.max_speed, 0.05), step=0.05, initial_value=driver.speed
        )
        self._turn = gui.add_slider("turn [rad/s]", min=-MAX_TURN, max=MAX_TURN, step=0.05, initial_value=driver.turn)
        self._speed.on_update(lambda event: self._set(event, speed=self._speed.value))
        self._turn.on_update(lambda event: self._set(event, turn=self._turn.value))

    def _set(self, event: viser.GuiEvent, **wish: float) -> None:
        # Our own updates come back without a client.
        if event.client is not None:
            self._driver.set(**wish)

    def update(self) -> None:
        for slider, value in ((self._speed, self._driver.speed), (self._turn, self._driver.turn)):
            if abs(slider.value - value) > 0.024:
                slider.value = min(max(value, slider.min), slider.max)


class DepthPanel:
    """Depth images, the watched robot's first.

    Args:
        gui: of the page.
        session: what is shown.
        width: of all images together [pixels].
    """

    def __init__(self, gui: Any, session: Session, width: int = PICTURE_WIDTH) -> None:
        self._width = width
        self._image = gui.add_image(self._sheet(session), label="depth", format="jpeg")

    def update(self, session: Session) -> None:
        self._image.image = self._sheet(session)

    def _sheet(self, session: Session) -> np.ndarray:
        images = session.depth_images()
        assert images is not None
        return depth_sheet(images, self._width, session.depth_labels())


class RewardPanel:
    """A plot per reward term over the last seconds."""

    def __init__(self, gui: Any, session: Session) -> None:
        self._plots = [
            gui.add_uplot(
                (np.zeros(1), np.zeros(1)),
                ({"label": "s"}, {"label": "1/s", "stroke": LINE, "width": 1.5}),
                title=f"{name} [1/s]",
                scales={"x": {"time": False, "range": (-HISTORY_SECONDS, 0.0)}},
                axes=(
                    {**AXIS, "size": 38, "space": 40, "label": "seconds", "labelSize": 14, "labelGap": 0},
                    {**AXIS, "size": 58, "space": 24},
                ),
                legend={"show": False},
                height=150,
            )
            for name in session.rewards.names
        ]

    def update(self, session: Session) -> None:
        times, values = session.rewards.times, session.rewards.values
        if len(times) == 0:
            return
        for index, plot in enumerate(self._plots):
            plot.data = (times, np.ascontiguousarray(values[:, index]))


class Panels:
    """All of them; each is refreshed as often as eyes need it."""

    def __init__(self, gui: Any, session: Session, scene: WebScene, depth_width: int | None = None) -> None:
        tabs = gui.add_tab_group()
        with tabs.add_tab("Session"):
            self._status = StatusPanel(gui)
            self._controls = ControlPanel(gui, session)
            self._drive = DrivePanel(gui, session) if session.driver is not None else None
            self._depth = DepthPanel(gui, session, depth_width or PICTURE_WIDTH) if session.depth is not None else None
        self.settings = None
        with tabs.add_tab("Choose"):
            if session.settings is not None:
                self.settings = SettingsPanel(gui, session, session.settings, session.snapshot())
            self.look = LookPanel(gui, scene)
        with tabs.add_tab("Rewards"):
            self._rewards = RewardPanel(gui, session)
        self._last_status = self._last_plots = -1e9

    def update(self, session: Session, snapshot: Snapshot) -> None:
        """Show what is due."""
        now = time.monotonic()
        if now - self._last_status >= STATUS_EVERY:
            self._last_status = now
            self._status.update(session, snapshot)
            self._controls.update(session)
            if self.settings is not None:
                self.settings.update(snapshot)
            if self._depth is not None:
                self._depth.update(session)
            if self._drive is not None:
                self._drive.update()
        if now - self._last_plots >= PLOTS_EVERY:
            self._last_plots = now
            self._rewards.update(session)
