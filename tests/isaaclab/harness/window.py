"""Doubles of what Isaac Sim has with a window or cameras: widgets, keyboard, viewport, pictures. They draw nothing.

Each declares exactly what Isaac Lab and the engine use; a property, an argument or an event that none declares is an
error. What widgets would do on a screen only Isaac Sim can show.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from pxr import Usd, UsdPhysics

from tests.isaaclab.harness import kit
from tests.isaaclab.harness.strict import declare

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


class Workspace:
    @staticmethod
    def get_window(name: str) -> Any:
        assert name == "Viewport"
        return SimpleNamespace(visible=True)


# -- viewport and pictures ---------------------------------------------------------------------------------------------


class Viewport:
    """The one viewport; ``eye`` and ``target`` are where its camera is and looks [m]."""

    def __init__(self) -> None:
        self.updates_enabled = True
        self.eye, self.target = np.zeros(3), np.zeros(3)

    def set_camera_view(self, eye: Any, target: Any, camera_prim_path: str) -> None:
        assert camera_prim_path == "/OmniverseKit_Persp"
        self.eye, self.target = np.array(eye, float), np.array(target, float)


class Annotator:
    """Pictures of one colour, which changes with every rendering; the first few are black, and before them none."""

    def __init__(self) -> None:
        self.resolution: tuple[int, int] | None = None

    def attach(self, products: list[tuple[str, tuple[int, int]]]) -> None:
        ((path, self.resolution),) = products
        assert path == "/OmniverseKit_Persp"
        self._first = kit.application.updates

    def get_data(self) -> np.ndarray:
        assert self.resolution is not None
        drawn = kit.application.updates - self._first
        if drawn == 0:
            return np.zeros(0, np.uint8)
        width, height = self.resolution
        return np.full((height, width, 4), 0 if drawn <= BLACK else 40 + drawn % 200, np.uint8)


class AnnotatorRegistry:
    @staticmethod
    def get_annotator(name: str, device: str) -> Annotator:
        assert (name, device) == ("rgb", "cpu")
        return Annotator()


viewport = Viewport()
toolbar = SimpleNamespace(
    _builtin_tools=SimpleNamespace(
        _play_button_group=SimpleNamespace(_stop_button=SimpleNamespace(), _play_button=SimpleNamespace())
    )
)


def _free_path(stage: Usd.Stage, path: str, prepend_default_prim: bool) -> str:
    """A path that no prim has yet; Kit puts it below the default prim, which stages of Isaac Lab do not have."""
    assert prepend_default_prim and not stage.HasDefaultPrim()
    number, free = 0, path
    while stage.GetPrimAtPath(free):
        number, free = number + 1, f"{path}_{number + 1:02d}"
    return free


def _remove_rigid_bodies(prim: Usd.Prim) -> None:
    assert not any(one.HasAPI(UsdPhysics.RigidBodyAPI) for one in Usd.PrimRange(prim)), "markers have none"


def declare_cameras() -> None:
    """What an experience that renders brings."""
    declare("omni.usd", get_stage_next_free_path=_free_path)
    declare("omni.physx.scripts.utils", removeRigidBodySubtree=_remove_rigid_bodies)
    declare("omni.replicator.core", set_global_seed=lambda seed: None, AnnotatorRegistry=AnnotatorRegistry)
    declare("omni.replicator.core.create", render_product=lambda path, resolution: (path, resolution))


def declare_window() -> None:
    """What an experience with a window brings."""
    declare_cameras()
    declare("carb.input", acquire_input_interface=InputInterface, KeyboardEventType=KeyboardEventType)
    declare("omni.appwindow", get_default_app_window=AppWindow)
    widgets = (
        ScrollingFrame,
        VStack,
        HStack,
        Label,
        Button,
        CheckBox,
        SimpleBoolModel,
        ByteImageProvider,
        ImageWithProvider,
    )
    declare("omni.ui", **{widget.__name__: widget for widget in (*widgets, DockPreference, Window, Workspace)})
    declare("omni.kit.viewport.utility", get_active_viewport=lambda: viewport)
    declare("omni.kit.widget.toolbar", get_instance=lambda: toolbar)
