"""Keyboard, widgets, application and viewport."""

from __future__ import annotations

import enum
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from tests.isaaclab.kit.strict import declare

BLACK = 3
"""Pictures that are black before the first one, as while shaders are compiled."""


# -- keyboard ----------------------------------------------------------------------------------------------------------


class KeyboardEventType(enum.Enum):
    KEY_PRESS = 0
    KEY_REPEAT = 1
    KEY_RELEASE = 2
    CHAR = 3


KEY_NAMES = {
    *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "SPACE", "MINUS", "PERIOD", "EQUAL", "ENTER", "BACKSPACE", "DEL", "END", "HOME",
    "UP", "DOWN", "LEFT", "RIGHT", "PAGE_UP", "PAGE_DOWN", "ESCAPE", "TAB",
}  # fmt: skip
"""Some of the names that Kit's manual lists."""


class Keyboard:
    """The keyboard of the window, on which tests press keys."""

    def __init__(self) -> None:
        self.listeners: dict[int, Callable[[Any], bool]] = {}

    def press(self, name: str, kind: KeyboardEventType = KeyboardEventType.KEY_PRESS) -> None:
        assert name in KEY_NAMES, f"Kit has no key {name!r}"
        for listener in list(self.listeners.values()):
            listener(SimpleNamespace(type=kind, input=SimpleNamespace(name=name)))


class InputInterface:
    def subscribe_to_keyboard_events(self, keyboard: Keyboard, listener: Callable[[Any], bool]) -> int:
        number = len(keyboard.listeners) + 1
        keyboard.listeners[number] = listener
        return number

    def unsubscribe_to_keyboard_events(self, keyboard: Keyboard, subscription: int) -> None:
        del keyboard.listeners[subscription]


class AppWindow:
    def get_keyboard(self) -> Keyboard:
        return keyboard


keyboard = Keyboard()


# -- widgets -----------------------------------------------------------------------------------------------------------


class Widget:
    """Anything in a window; what is made within a ``with`` block of a container is in it."""

    __slots__ = ("children", "height", "spacing", "tooltip", "visible", "width")
    open: ClassVar[list[Widget]] = []

    def __init__(self, *, width: Any = 0, height: Any = 0, tooltip: str = "", spacing: float = 0) -> None:
        self.width, self.height, self.tooltip, self.spacing, self.visible = width, height, tooltip, spacing, True
        self.children: list[Widget] = []
        if Widget.open:
            Widget.open[-1].children.append(self)

    def __enter__(self) -> Widget:
        Widget.open.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert Widget.open.pop() is self

    def all(self, kind: type) -> list[Any]:
        """Widgets of a kind in it, from above, for tests."""
        found = []
        for child in self.children:
            found += ([child] if isinstance(child, kind) else []) + child.all(kind)
        return found


class ScrollingFrame(Widget):
    __slots__ = ()


class VStack(Widget):
    __slots__ = ()


class HStack(Widget):
    __slots__ = ()


class Label(Widget):
    __slots__ = ("text",)

    def __init__(self, text: str, *, width: Any = 0, height: Any = 0) -> None:
        super().__init__(width=width, height=height)
        self.text = text


class Button(Widget):
    __slots__ = ("clicked_fn", "text")

    def __init__(self, text: str, *, clicked_fn: Callable[[], None], tooltip: str = "") -> None:
        super().__init__(tooltip=tooltip)
        self.text, self.clicked_fn = text, clicked_fn


class SimpleBoolModel:
    __slots__ = ("as_bool",)

    def __init__(self, value: bool = False) -> None:
        self.as_bool = value


class CheckBox(Widget):
    __slots__ = ("model",)

    def __init__(self, *, model: SimpleBoolModel, tooltip: str = "", width: Any = 0) -> None:
        super().__init__(width=width, tooltip=tooltip)
        self.model = model


class ByteImageProvider:
    __slots__ = ("image",)

    def set_bytes_data(self, data: memoryview, size: list[int]) -> None:
        width, height = size
        assert data.format == "B" and data.nbytes == 4 * width * height, "RGBA, a byte each"
        self.image = np.frombuffer(data, np.uint8).reshape(height, width, 4)


class ImageWithProvider(Widget):
    __slots__ = ("provider",)

    def __init__(self, provider: ByteImageProvider, *, width: Any = 0, height: Any = 0) -> None:
        super().__init__(width=width, height=height)
        self.provider = provider


class DockPreference(enum.Enum):
    RIGHT_TOP = 0


class Window(Widget):
    __slots__ = ("destroyed", "dock", "frame", "title")
    made: ClassVar[list[Window]] = []

    def __init__(
        self, title: str, *, width: int, height: int, visible: bool = True, dock_preference: DockPreference
    ) -> None:
        super().__init__(width=width, height=height)
        self.title, self.visible, self.dock, self.frame, self.destroyed = (
            title,
            visible,
            dock_preference,
            Widget(),
            False,
        )
        Window.made.append(self)

    def destroy(self) -> None:
        self.destroyed = True


# -- application and viewport ------------------------------------------------------------------------------------------


class Application:
    """The running Kit application."""

    def __init__(self) -> None:
        self.running = True
        """Until somebody closes the window."""

    def is_running(self) -> bool:
        return self.running


class KitView:
    """What Isaac Lab calls a visualizer: the viewport's camera, and pictures of one colour, the first few black."""

    def __init__(self, black: int = BLACK) -> None:
        self.cfg = SimpleNamespace(visualizer_type="kit", window_width=1280, window_height=720)
        self.eye, self.target = np.zeros(3), np.zeros(3)
        self.updates = 0
        self._black = black

    def set_camera_view(self, eye: Any, target: Any) -> None:
        self.eye, self.target = np.array(eye, float), np.array(target, float)

    def render_rgb_array(self) -> np.ndarray:
        self.updates += 1
        shape = (self.cfg.window_height, self.cfg.window_width, 3)
        return np.full(shape, 0 if self.updates <= self._black else 40 + self.updates % 200, np.uint8)


application = Application()


def declare_window() -> None:
    """Make the doubles importable. Where Isaac Lab sees them when it makes an environment, it asks Kit for more."""
    declare("carb.input", acquire_input_interface=InputInterface, KeyboardEventType=KeyboardEventType)
    declare("omni.appwindow", get_default_app_window=AppWindow)
    declare("omni.kit.app", get_app=lambda: application)
    widgets = (
        ScrollingFrame, VStack, HStack, Label, Button, CheckBox, SimpleBoolModel, ByteImageProvider, ImageWithProvider,
        DockPreference, Window,
    )  # fmt: skip
    declare("omni.ui", **{widget.__name__: widget for widget in widgets})
