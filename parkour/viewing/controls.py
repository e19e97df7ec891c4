"""What people can tell a session, and with which keys. Viewers put actions in; the session takes them out."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """Something that a button or a key asks for."""

    PAUSE = "pause"
    STEP = "step"
    RESET = "reset"
    NEXT_TERRAIN = "next terrain"
    NEXT_ROBOT = "next robot"
    SLOWER = "slower"
    FASTER = "faster"
    QUIT = "quit"
    SPEED_UP = "walk faster"
    SLOW_DOWN = "walk slower"
    LEFT = "turn left"
    RIGHT = "turn right"
    STOP = "stand"
    AUTOPILOT = "autopilot"


class Setting(Enum):
    """Something that is chosen from a list or with a slider; see :class:`parkour.viewing.settings.Settings`."""

    TERRAIN = "terrain"
    DIFFICULTY = "difficulty"
    SPEED = "speed"
    POLICY = "policy"
    NOISE = "noise"


@dataclass(frozen=True)
class Choice:
    """A value for a setting, as somebody sent it: whether it is one of those offered is checked where it is used."""

    setting: Setting
    value: str | float


@dataclass(frozen=True)
class Button:
    """An action as it is offered."""

    action: Action
    row: str
    """Buttons of one row stand beside each other."""
    label: str
    help: str
    browser_key: str
    """As viser calls it. W, A, S, D, Q, E and the arrows move its camera, or drive: see :attr:`driving_keys`."""
    window_key: str
    """Of MuJoCo's window, whose letters switch its own displays; one of :data:`WINDOW_KEYS` or a character."""
    driving: bool = False
    """Only where somebody drives."""
    driving_keys: tuple[str, ...] = ()
    """Further keys on the page where somebody drives, the one that is shown first; names of ``KeyboardEvent.code``."""

    def shown_key(self) -> str:
        """The key that the page names."""
        return self.driving_keys[0].removeprefix("Key") if self.driving_keys else self.browser_key


BUTTONS: tuple[Button, ...] = (
    Button(Action.PAUSE, "time", "Pause", "Stop the time, or let it go on.", "space", "space"),
    Button(Action.STEP, "time", "Step", "One control step, then pause.", "X", "."),
    Button(Action.RESET, "time", "Reset", "A new episode on another course of this terrain.", "R", "enter"),
    Button(Action.NEXT_TERRAIN, "robot", "Next terrain", "Watch a robot on the next terrain, from its start.", "N",
           "page down"),
    Button(Action.NEXT_ROBOT, "robot", "Next robot", "Watch the next robot, whatever its terrain.", "M", "page up"),
    Button(Action.SLOWER, "pace", "Slower", "Time runs at half the speed.", "G", "-"),
    Button(Action.FASTER, "pace", "Faster", "Time runs at twice the speed, if the machine can.", "H", "="),
    Button(Action.QUIT, "pace", "Quit", "End the session.", "delete", "delete"),
    Button(Action.SPEED_UP, "speed", "Walk faster", "0.1 m/s more.", "I", "up", driving=True,
           driving_keys=("KeyW", "ArrowUp")),
    Button(Action.SLOW_DOWN, "speed", "Walk slower", "0.1 m/s less.", "K", "down", driving=True,
           driving_keys=("KeyS", "ArrowDown")),
    Button(Action.LEFT, "steer", "Turn left", "6 degrees to the left.", "J", "left", driving=True,
           driving_keys=("KeyA", "ArrowLeft")),
    Button(Action.RIGHT, "steer", "Turn right", "6 degrees to the right.", "L", "right", driving=True,
           driving_keys=("KeyD", "ArrowRight")),
    Button(Action.STOP, "stop", "Stand", "Speed 0.", "B", "backspace", driving=True),
    Button(Action.AUTOPILOT, "stop", "Autopilot", "Follow the way points, or steer by hand again.", "O", "home",
           driving=True),
)  # fmt: skip
"""All of them, in the order in which they are shown."""

WINDOW_KEYS = {
    "space": 32, "enter": 257, "backspace": 259, "delete": 261, "right": 262, "left": 263, "down": 264, "up": 265,
    "page up": 266, "page down": 267, "home": 268,
}  # fmt: skip
"""Key codes of GLFW; those of characters are their own."""

SPEEDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Simulated seconds per second."""


def buttons(driving: bool) -> tuple[Button, ...]:
    """Those that a session offers."""
    return tuple(button for button in BUTTONS if driving or not button.driving)


def window_action(key: int, driving: bool) -> Action | None:
    """What a key of MuJoCo's window asks for; ``key`` as GLFW numbers them."""
    for button in buttons(driving):
        if WINDOW_KEYS.get(button.window_key, ord(button.window_key[0])) == key:
            return button.action
    return None


class Controls:
    """Takes actions and choices from any thread, in order."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Action | Choice] = queue.SimpleQueue()

    def ask(self, wish: Action | Choice) -> None:
        """Ask for something; it is done before the next control step."""
        self._waiting.put(wish)

    def take(self) -> Iterator[Action | Choice]:
        """What was asked for since the last call."""
        while True:
            try:
                yield self._waiting.get_nowait()
            except queue.Empty:
                return
