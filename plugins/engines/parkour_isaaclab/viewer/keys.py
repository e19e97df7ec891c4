"""Keys pressed in Isaac Sim's window."""

# Kit is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

import carb.input
import omni.appwindow

from parkour.viewing.controls import Action, Button, Controls, buttons

KIT_NAMES = {
    "space": "P", "delete": "END", ".": "PERIOD", "-": "MINUS", "=": "EQUAL", "enter": "ENTER",
    "page down": "PAGE_DOWN", "page up": "PAGE_UP", "backspace": "BACKSPACE", "home": "HOME",
    "up": "UP", "down": "DOWN", "left": "LEFT", "right": "RIGHT",
}  # fmt: skip
"""What Kit calls the keys of a window. Two are others: its space bar plays and pauses, its delete key deletes prims."""


def kit_key(button: Button) -> str:
    """What Kit calls the key of a button."""
    return KIT_NAMES[button.window_key]


class Keys:
    """Passes keys on as actions until it is closed.

    Args:
        controls: to ask.
        driving: whether somebody drives.
    """

    def __init__(self, controls: Controls, driving: bool) -> None:
        self._controls = controls
        self._actions: dict[str, Action] = {kit_key(button): button.action for button in buttons(driving)}
        self._input = carb.input.acquire_input_interface()
        self._keyboard = omni.appwindow.get_default_app_window().get_keyboard()
        self._subscription: Any = self._input.subscribe_to_keyboard_events(self._keyboard, self._pressed)

    def close(self) -> None:
        if self._subscription is not None:
            self._input.unsubscribe_to_keyboard_events(self._keyboard, self._subscription)
            self._subscription = None

    def _pressed(self, event: Any) -> bool:
        """Keys that are held down repeat."""
        kinds = carb.input.KeyboardEventType
        if event.type in (kinds.KEY_PRESS, kinds.KEY_REPEAT):
            action = self._actions.get(event.input.name)
            if action is not None:
                self._controls.ask(action)
        return True
