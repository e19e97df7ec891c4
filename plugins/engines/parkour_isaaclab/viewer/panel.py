"""Buttons, numbers and depth images in Isaac Sim's window."""

# Kit is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

import time
from typing import Any

import numpy as np
import omni.ui

from parkour.viewing.controls import Action, Button, buttons
from parkour.viewing.pictures import depth_sheet
from parkour.viewing.session import Session
from parkour.viewing.snapshot import Snapshot
from parkour.viewing.status import status_lines
from parkour_isaaclab.viewer.keys import kit_key

WIDTH, HEIGHT = 420, 760
"""Of the panel [pixels]."""
MARGIN = 20
"""Of the panel beside what is in it [pixels]."""
EVERY = 0.2
"""Between updates of text and depth images [s]."""
RECENT = 50
"""Control steps over which rewards are averaged."""


class Panel:
    """Docked at the right.

    Args:
        session: what is shown.
        depth: whether to show its depth images.
        depth_width: of them [pixels]; as the panel has room when None.
    """

    def __init__(self, session: Session, depth: bool, depth_width: int | None = None) -> None:
        self._session = session
        self._depth_width = depth_width or WIDTH - MARGIN
        width = max(WIDTH, self._depth_width + MARGIN)
        self._images = omni.ui.ByteImageProvider() if depth else None
        self._follow = omni.ui.SimpleBoolModel(True)
        self._last = -1e9
        self._window: Any = omni.ui.Window(
            "parkour", width=width, height=HEIGHT, visible=True, dock_preference=omni.ui.DockPreference.RIGHT_TOP
        )
        with self._window.frame, omni.ui.ScrollingFrame(), omni.ui.VStack(spacing=5, height=0):
            self._status = omni.ui.Label("")
            self._add_buttons()
            with omni.ui.HStack():
                omni.ui.CheckBox(model=self._follow, tooltip="Off: move the camera with the mouse.", width=20)
                omni.ui.Label("the camera follows the robot")
            if self._images is not None:
                sheet = self._show_depth()
                omni.ui.ImageWithProvider(self._images, width=sheet.shape[1], height=sheet.shape[0])
            self._rewards = omni.ui.Label("")

    @property
    def follows(self) -> bool:
        """Whether the camera is to follow the robot."""
        return bool(self._follow.as_bool)

    def update(self, session: Session, snapshot: Snapshot) -> None:
        """Show what is due."""
        now = time.monotonic()
        if now - self._last < EVERY:
            return
        self._last = now
        self._status.text = "\n".join(status_lines(session, snapshot))
        self._rewards.text = reward_text(session)
        if self._images is not None:
            self._show_depth()

    def close(self) -> None:
        if self._window is not None:
            self._window.visible = False
            self._window.destroy()
            self._window = None

    def _add_buttons(self) -> None:
        offered = buttons(self._session.driver is not None)
        for row in dict.fromkeys(button.row for button in offered):
            with omni.ui.HStack(spacing=4, height=24):
                for button in offered:
                    if button.row == row:
                        self._add_button(button)

    def _add_button(self, button: Button) -> None:
        omni.ui.Button(
            f"{button.label} ({kit_key(button).lower().replace('_', ' ')})",
            clicked_fn=lambda: self._ask(button.action),
            tooltip=button.help,
        )

    def _ask(self, action: Action) -> None:
        self._session.controls.ask(action)

    def _show_depth(self) -> np.ndarray:
        images = self._session.depth_images()
        assert images is not None and self._images is not None
        sheet = depth_sheet(images, self._depth_width)
        opaque = np.full((*sheet.shape[:2], 1), 255, np.uint8)
        height, width = sheet.shape[:2]
        self._images.set_bytes_data(np.concatenate([sheet, opaque], axis=-1).flatten().data, [width, height])
        return sheet


def reward_text(session: Session) -> str:
    """A line per reward term: what it gave lately, per second."""
    values = session.rewards.values[-RECENT:]
    means = values.mean(axis=0) if len(values) else np.zeros(len(session.rewards.names))
    lines = [f"{name}  {mean:.2f}" for name, mean in zip(session.rewards.names, means.tolist(), strict=True)]
    return "\n".join(["rewards, per second of the last one:", *lines])
