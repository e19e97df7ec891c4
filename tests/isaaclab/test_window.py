"""Sessions in Isaac Sim's window, and films of its viewport: what is asked of doubles of Kit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from parkour.errors import EngineError
from parkour.policies.source import Weights
from parkour.viewing.controls import BUTTONS, buttons
from parkour.viewing.markers import UP
from parkour.viewing.session import Session
from parkour.viewing.viewer import ViewerOptions
from tests.isaaclab.kit import window
from tests.isaaclab.kit.strict import StrictModule, UndeclaredAttributeError
from tests.isaaclab.sessions import make_session

pytestmark = pytest.mark.isaaclab

MODULES = ("carb", "omni.appwindow", "omni.kit", "omni.ui")


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], window.KitView]]:
    """Puts a window before an environment that was made without one; it is gone when the environment is closed."""

    def open_before(env: Any, view: window.KitView | None = None) -> window.KitView:
        view = view or window.KitView()
        window.declare_window()
        sim = env.unwrapped.sim
        monkeypatch.setattr(sim, "_has_gui", True)
        # What steps the simulation knows nothing of it: a step would ask more of it than the engine does.
        monkeypatch.setattr(type(sim), "visualizers", property(lambda sim: [view]))
        monkeypatch.setattr(sim, "set_camera_view", view.set_camera_view)
        monkeypatch.setattr(sim, "render", view.render_rgb_array)
        return view

    window.application.running = True
    window.Window.made.clear()
    yield open_before
    assert window.keyboard.listeners == {}
    # Isaac Lab takes them for Kit.
    for name in [name for name in sys.modules if name.startswith(MODULES)]:
        if isinstance(sys.modules[name], StrictModule):
            del sys.modules[name]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, np.ndarray]]:
    """What Isaac Lab's markers are told, last call last; with a viewport they ask Kit for more than there is here."""
    from parkour_isaaclab.viewer import markers

    calls: list[dict[str, np.ndarray]] = []
    recorder = SimpleNamespace(visualize=lambda **arrays: calls.append(arrays))
    monkeypatch.setattr(markers, "VisualizationMarkers", lambda cfg: recorder)
    return calls


@pytest.mark.slow
def test_the_window_shows_a_session_and_its_keys_drive_it(
    make_env: Any, weights: Weights, kit: Callable[..., window.KitView], drawn: list[dict[str, np.ndarray]]
) -> None:
    env, session, _ = make_session(make_env, weights, driven=True, depth=True)
    view = kit(env)
    from parkour_isaaclab.viewer.window import IsaacWindow

    viewer = IsaacWindow(env.unwrapped, session, ViewerOptions("a test", behind=True, depth=True))
    try:
        panel = window.Window.made[-1].frame
        _keys_and_buttons_ask(session, panel)
        updates = view.updates
        for _ in range(10):
            session.advance()
        assert view.updates == updates, "steps draw nothing"
        session.watch(1)
        viewer._panel._last = -1e9
        viewer.update(session)
        assert view.updates == updates + 1
        _camera_is_behind(env, session, view)
        _panel_tells(session, panel)
        _markers_stand(env, session, drawn[-1])
        # Off: whoever looks moves the camera.
        panel.all(window.CheckBox)[0].model.as_bool = False
        before = view.eye.copy()
        session.next_terrain()
        viewer.update(session)
        assert np.array_equal(view.eye, before)
        assert viewer.running
        window.application.running = False
        assert not viewer.running
        _films(env, session, view)
    finally:
        viewer.close()
    assert window.Window.made[-1].destroyed


def _films(env: Any, session: Session, view: window.KitView) -> None:
    """A film begins with the first picture that is not black; one that stays black is told."""
    from parkour_isaaclab.viewer.camera import ViewportCamera

    view.updates = 0
    camera = ViewportCamera(env.unwrapped, (96, 54), "side")
    assert camera.picture(session.snapshot()).shape == (54, 96, 3)
    assert view.updates == window.BLACK + 1
    camera.picture(session.snapshot())
    assert view.updates == window.BLACK + 2
    view.updates = -(10**6)
    with pytest.raises(EngineError, match="nothing but black pictures in 200 renderings"):
        ViewportCamera(env.unwrapped, (96, 54), "side").picture(session.snapshot())


@pytest.mark.slow
def test_without_viewport_or_window_there_is_one_line(
    make_env: Any, weights: Weights, kit: Callable[..., window.KitView]
) -> None:
    """Isaac Sim was started by somebody else, without them."""
    env, session, _ = make_session(make_env, weights)
    window.declare_window()
    from parkour_isaaclab.viewer.camera import ViewportCamera
    from parkour_isaaclab.viewer.window import IsaacWindow

    with pytest.raises(EngineError, match="--viewer native: Isaac Sim was started without a window"):
        IsaacWindow(env.unwrapped, session, ViewerOptions("a test"))
    with pytest.raises(EngineError, match="--video: Isaac Sim was started without a viewport"):
        ViewportCamera(env.unwrapped, (960, 540), "side")


def test_keys_of_the_window_are_keys_of_kit(kit: Callable[..., window.KitView]) -> None:
    window.declare_window()
    from parkour_isaaclab.viewer.keys import kit_key

    names = [kit_key(button) for button in buttons(driving=True)]
    assert set(names) <= window.KEY_NAMES
    assert len(set(names)) == len(names)
    assert not {"SPACE", "DEL", "ESCAPE", "Q", "W", "E", "R"} & set(names), "Kit's own"


def test_what_no_double_declares_is_an_error(kit: Callable[..., window.KitView]) -> None:
    window.declare_window()
    import omni.ui  # pyright: ignore[reportMissingImports]

    with pytest.raises(UndeclaredAttributeError, match=r"no double declares omni\.ui\.Menu"):
        _ = omni.ui.Menu


def _keys_and_buttons_ask(session: Session, panel: Any) -> None:
    made = panel.all(window.Button)
    assert len(made) == len(BUTTONS)
    made[0].clicked_fn()
    session.handle()
    assert session.paused
    window.keyboard.press("P")
    session.handle()
    assert not session.paused
    assert session.driver is not None
    window.keyboard.press("UP")
    window.keyboard.press("UP", window.KeyboardEventType.KEY_REPEAT)
    window.keyboard.press("UP", window.KeyboardEventType.KEY_RELEASE)
    window.keyboard.press("W")
    session.handle()
    assert session.driver.speed == pytest.approx(0.2)


def _camera_is_behind(env: Any, session: Session, view: window.KitView) -> None:
    """In the world, some metres from the robot that is watched, which it looks at."""
    snapshot = session.snapshot()
    robot = env.unwrapped.scene["robot"].data.root_link_pos_w.torch[session.watched].numpy()
    np.testing.assert_allclose(view.target, robot, atol=0.3)
    offset = view.eye - view.target
    assert np.linalg.norm(offset) == pytest.approx(2.8, abs=1e-3)
    assert offset[:2] @ np.array([np.cos(snapshot.yaw), np.sin(snapshot.yaw)]) < -2.0
    assert offset[2] > 0.5


def _panel_tells(session: Session, panel: Any) -> None:
    status, *_, rewards = [label.text for label in panel.all(window.Label)]
    assert status.startswith(session.snapshot().terrain) and "robot 2 of 2" in status and "steered by hand" in status
    assert [line.split()[0] for line in rewards.splitlines()[1:]] == list(session.rewards.names)
    assert panel.all(window.ImageWithProvider)[0].provider.image.std() > 5


def _markers_stand(env: Any, session: Session, told: dict[str, np.ndarray]) -> None:
    """In the world: a ball and a pole per way point, and an arrow for the heading, turned about z."""
    snapshot = session.snapshot()
    origin = env.unwrapped.scene.env_origins[session.watched].numpy()
    places, turns = told["translations"], told["orientations"]
    assert len(places) == len(turns) == len(told["marker_indices"]) == 2 * len(snapshot.goals) + 2
    np.testing.assert_allclose(places[:-2:2], snapshot.goals + 0.5 * UP + origin, atol=1e-3)
    assert snapshot.heading is not None
    np.testing.assert_allclose(turns[0], (0, 0, 0, 1))
    np.testing.assert_allclose(turns[-1], (0, 0, np.sin(snapshot.heading / 2), np.cos(snapshot.heading / 2)), atol=1e-6)
