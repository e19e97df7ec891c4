"""Lists and sliders for terrain, difficulty, speed, policy and noise, which show what is so as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import viser

from parkour.viewing.controls import Choice, Setting
from parkour.viewing.session import Session
from parkour.viewing.settings import Settings
from parkour.viewing.snapshot import Snapshot

STEP = 0.05
"""Of the sliders."""


class SettingsPanel:
    """What a page sends is asked of the session, which checks it (:class:`parkour.viewing.settings.Settings`)."""

    def __init__(self, gui: Any, session: Session, settings: Settings, snapshot: Snapshot) -> None:
        self._session, self._settings = session, settings
        self._policies = settings.policies.names()
        self.policy = self._add_list(gui, Setting.POLICY, self._policies, settings.policies.chosen)
        self.terrain = self._add_list(gui, Setting.TERRAIN, settings.terrains, snapshot.terrain)
        self.difficulty = self._add_slider(gui, Setting.DIFFICULTY, "difficulty", 1.0, snapshot.difficulty or 0.0)
        self.speed = None
        if session.driver is None:
            speed = min(max(snapshot.command, 0.0), settings.max_speed)
            self.speed = self._add_slider(gui, Setting.SPEED, "command [m/s]", settings.max_speed, speed)
        self.noise = None
        if len(settings.noises) > 1:
            self.noise = self._add_list(gui, Setting.NOISE, settings.noises, settings.noise)

    def update(self, snapshot: Snapshot) -> None:
        """Show what is so: keys and episodes change it, too, and a training writes checkpoints."""
        settings = self._settings
        names = settings.policies.names()
        if names != self._policies:
            self._policies = names
            self.policy.options = names
        self._tell(self.policy, settings.policies.chosen)
        self._tell(self.terrain, snapshot.terrain)
        if snapshot.difficulty is not None:
            self._tell_slider(self.difficulty, snapshot.difficulty)
        if self.difficulty.disabled != (snapshot.difficulty is None):
            self.difficulty.disabled = snapshot.difficulty is None
        if self.speed is not None:
            self._tell_slider(self.speed, snapshot.command)
        if self.noise is not None:
            self._tell(self.noise, settings.noise)

    def _add_list(self, gui: Any, setting: Setting, names: Sequence[str], chosen: str) -> Any:
        names = tuple(names)
        handle = gui.add_dropdown(setting.value, names, initial_value=chosen if chosen in names else names[0])
        handle.on_update(lambda event: self._ask(event, setting, handle))
        return handle

    def _add_slider(self, gui: Any, setting: Setting, label: str, most: float, value: float) -> Any:
        handle = gui.add_slider(
            label, min=0.0, max=max(most, STEP), step=STEP, initial_value=round(min(value, most), 2)
        )
        handle.on_update(lambda event: self._ask(event, setting, handle))
        return handle

    def _ask(self, event: viser.GuiEvent, setting: Setting, handle: Any) -> None:
        # Our own updates come back without a client.
        if event.client is not None:
            self._session.controls.ask(Choice(setting, handle.value))

    @staticmethod
    def _tell(handle: Any, value: str) -> None:
        if handle.value != value and value in handle.options:
            handle.value = value

    @staticmethod
    def _tell_slider(handle: Any, value: float) -> None:
        if abs(handle.value - value) > STEP / 2:
            handle.value = round(min(max(value, handle.min), handle.max), 2)
