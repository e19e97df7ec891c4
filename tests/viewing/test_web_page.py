"""The page: what it is served, what it shows, and what its buttons do; in a browser where there is one."""

from __future__ import annotations

import gzip
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import numpy as np
import pytest

from parkour.errors import EngineError
from parkour.policies.deployed import load_policy
from parkour.viewing.controls import BUTTONS, Action, Setting
from parkour.viewing.loop import run
from parkour.viewing.policy_choices import PolicyChoices
from parkour.viewing.session import Session
from parkour.viewing.settings import Settings
from parkour.viewing.viewer import ViewerOptions
from parkour_mujoco.launch import choose_renderer
from tests.ports import own_port
from tests.viewing.browser import find_chromium, open_page
from tests.viewing.fakes import make_session

pytestmark = pytest.mark.mujoco
# Before anything imports MuJoCo.
choose_renderer()
mujoco = pytest.importorskip("mujoco")
pytest.importorskip("mjlab")
from parkour.viewing import web  # noqa: E402
from parkour.viewing.web import served_page as web_module  # noqa: E402
from parkour.viewing.web.identity import ICON  # noqa: E402
from parkour.viewing.web.overlays import force_arrows, velocity_arrows  # noqa: E402
from parkour.viewing.web.page import WebViewer  # noqa: E402
from parkour.viewing.web.served_page import free_port  # noqa: E402
from parkour_mujoco.viewer.shapes import MujocoShapes  # noqa: E402


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[WebViewer, Session, Any]]:
    session, task, weights = make_session(tmp_path, driven=True, depth=True, num_envs=2, terrains=("hurdle", "tilt"))
    policies = PolicyChoices(weights, lambda chosen: load_policy(chosen, task, session.env), 12)
    session.settings = Settings(session, policies, {"none": lambda: session.mdp.observations}, 0.8)
    viewer = WebViewer(MujocoShapes(task), session, ViewerOptions("a test", port=own_port(), behind=True, depth=True))
    yield viewer, session, task
    viewer.close()


def test_the_page_is_served_to_this_machine_alone(page: tuple[WebViewer, Session, Any]) -> None:
    viewer, _, _ = page
    assert viewer.where == f"web viewer: http://127.0.0.1:{viewer.port}/?token={viewer.guard.token}"
    with urlopen(viewer.address, timeout=10) as answer:
        assert answer.status == 200 and b"<!doctype html>" in answer.read(200)
    assert viewer.server.get_host() == "127.0.0.1"
    with socket.socket() as other:
        other.settimeout(2)
        # Another of this machine's own addresses: who serves every network answers there as well.
        assert other.connect_ex(("127.0.0.2", viewer.port)) != 0


def test_boxes_on_the_page_follow_the_course(page: tuple[WebViewer, Session, Any]) -> None:
    viewer, session, _ = page
    seen = set()
    for _ in range(6):
        session.reset()
        viewer.update(session)
        snapshot = session.snapshot()
        handle = viewer.scene.course._boxes
        np.testing.assert_allclose(handle.batched_positions, snapshot.boxes[:, :3], atol=1e-6)
        np.testing.assert_allclose(handle.batched_scales, snapshot.boxes[:, 7:], atol=1e-6)
        np.testing.assert_allclose(handle.batched_wxyzs, snapshot.boxes[:, 3:7], atol=1e-6)
        seen.add(viewer.scene.course.boxes.tobytes())
    assert len(seen) > 1
    before = viewer.scene.course._boxes
    session.advance(), viewer.update(session)
    assert viewer.scene.course._boxes is before, "an unchanged course is not sent again"


def test_way_points_and_robot_on_the_page(page: tuple[WebViewer, Session, Any]) -> None:
    viewer, session, _ = page
    session.mdp.goals.index[:] = 4
    viewer.update(session)
    assert np.array_equal(viewer.scene.course._balls.batched_colors, session.snapshot().goal_colours())
    viewer.scene.course.markers = False
    viewer.update(session)
    assert not viewer.scene.course._balls.visible and not viewer.scene.course._poles.visible
    base = viewer.scene._robot.view.model.body("base_link").id
    np.testing.assert_allclose(viewer.scene._bodies[base].position, session.snapshot().base_pos, atol=1e-6)
    # The world moves so that the robot stays in the middle.
    moved = viewer.scene._world
    assert np.linalg.norm(np.asarray(moved.position) + session.snapshot().base_pos) < 0.5
    assert viewer.scene._arrow.visible


def test_buttons_on_the_page_reach_the_session(page: tuple[WebViewer, Session, Any]) -> None:
    viewer, session, _ = page
    handles = list(viewer.server.gui._gui_input_handle_from_uuid.values())
    groups = [handle for handle in handles if type(handle).__name__ == "GuiButtonGroupHandle"]
    labels = [option for group in groups for option in group.options]
    rest = [button for button in BUTTONS if button.action is not Action.PAUSE]
    assert labels == [f"{button.label} ({button.shown_key()})" for button in rest]
    assert "Walk faster (W)" in labels
    # What a click in the browser does.
    groups[0].value = "Step (X)"
    _until(lambda: session.handle() or session.paused)
    assert session.steps == 1
    speed = next(h for h in handles if getattr(h, "label", "") == "speed [m/s]")
    event = type("Event", (), {"client": object()})()
    viewer.panels._drive._set(event, speed=0.5)  # type: ignore[union-attr]
    session.advance()
    assert session.snapshot().command == pytest.approx(0.5)
    viewer.panels._drive.update()  # type: ignore[union-attr]
    assert speed.value == pytest.approx(0.5)
    event.client = None
    viewer.panels._drive._set(event, speed=0.1)  # type: ignore[union-attr]
    assert session.driver is not None and session.driver.speed == 0.5


def client_event() -> Any:
    """What viser tells of a change that a browser made."""
    return type("Event", (), {"client": object()})()


def test_everything_that_can_be_chosen_on_the_page_is_done(page: tuple[WebViewer, Session, Any]) -> None:
    viewer, session, _ = page
    panel = viewer.panels.settings
    assert panel is not None and session.settings is not None

    def choose(handle: Any, value: Any) -> None:
        handle.value = value
        panel._ask(client_event(), next(s for s in Setting if getattr(panel, s.value) is handle), handle)
        session.handle()

    choose(panel.terrain, "tilt")
    assert session.snapshot().terrain == "tilt"
    choose(panel.difficulty, 0.0)
    library = session.mdp.course.library
    of_tilt = library.difficulty[library.terrain == library.names.index("tilt")]
    assert session.snapshot().difficulty == pytest.approx(float(of_tilt.min()))
    choose(panel.policy, "zero actions")
    assert session.settings.policies.running == "zero actions" and not session.policy(session.obs).any()
    panel.update(session.snapshot())
    assert (panel.policy.value, panel.terrain.value) == ("zero actions", "tilt")
    # Somebody who drives has speeds of their own, and one preset is no choice.
    assert panel.speed is None and panel.noise is None
    look, scene = viewer.panels.look, viewer.scene
    for handle, wanted in ((look.forces, True), (look.velocities, True), (look.markers, False)):
        handle.value = wanted
    _until(lambda: scene.overlays.forces and scene.overlays.velocities and not scene.course.markers)
    viewer.update(session)
    arrows = scene.overlays._handles
    assert len(arrows["forces"].points) == 4 and len(arrows["velocities"].points) == 2


def test_arrows_are_as_long_as_what_they_show(page: tuple[WebViewer, Session, Any]) -> None:
    snapshot = replace(
        page[1].snapshot(), feet=np.zeros((1, 3)), foot_forces=np.array([[0.0, 0.0, 150.0]]),
        velocity=np.array([0.0, 1.0, 0.0]), command=0.5, yaw=0.0,
    )  # fmt: skip
    np.testing.assert_allclose(force_arrows(snapshot)[0][0], [[0, 0, 0], [0, 0, 0.4]], atol=1e-6)
    points = velocity_arrows(snapshot)[0]
    np.testing.assert_allclose(points[:, 1] - points[:, 0], [[0, 0.6, 0], [0.3, 0, 0]], atol=1e-6)


def test_the_pause_button_shows_its_state(page: tuple[WebViewer, Session, Any]) -> None:
    viewer, session, _ = page
    button = viewer.panels._controls.pause
    assert button.label == "Pause (space)"
    session.paused = True
    viewer.panels._controls.update(session)
    assert button.label == "Paused: go on (space)"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_the_tab_has_our_name_and_icon(page: tuple[WebViewer, Session, Any], encoding: str) -> None:
    viewer, _, _ = page
    with urlopen(Request(viewer.address, headers={"Accept-Encoding": encoding}), timeout=10) as answer:
        body = answer.read()
        assert int(answer.headers["Content-Length"]) == len(body)
    text = (gzip.decompress(body) if encoding == "gzip" else body).decode()
    assert "<title>parkour: a test</title>" in text and "<title>Viser" not in text
    assert quote(ICON) in text and text.count('rel="icon"') == 1
    # Somebody drives here: W and the arrow are the key of the button.
    assert '"KeyW": "I"' in text and '"ArrowLeft": "J"' in text


def test_panels_show_what_is_so(page: tuple[WebViewer, Session, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, session, _ = page
    for _ in range(10):
        session.advance()
    viewer.panels._last_status = viewer.panels._last_plots = -1e9
    viewer.update(session)
    text = viewer.panels._status._text.content
    assert "**hurdle**" in text and "steered by hand" in text and "step 10" in text
    plots = viewer.panels._rewards._plots
    assert [plot.title for plot in plots] == [f"{name} [1/s]" for name in session.rewards.names]
    times, values = plots[1].data
    assert len(times) == 10 and np.array_equal(values, session.rewards.values[:, 1])
    assert viewer.panels._depth is not None and viewer.panels._depth._image.image.std() > 5


def test_a_port_in_use_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=f"--port {port}: Address already in use"):
            free_port(port)


def test_without_a_port_the_next_free_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(web_module, "DEFAULT_PORT", port)
        assert port < free_port(None) < port + 20
        monkeypatch.setattr(web_module, "TRIES", 1)
        with pytest.raises(EngineError, match=f"ports {port} to {port}"):
            free_port(None)


def test_without_viser_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, task, _ = make_session(tmp_path, num_envs=1)
    for name in [name for name in sys.modules if name.startswith("parkour.viewing.web.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(EngineError, match=r"--viewer web: .*viser") as caught:
        web.open_page(MujocoShapes(task), session, ViewerOptions("a test"))
    assert caught.value.hint == "pip install viser"


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium")
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """It loads, shows something, and buttons and keys reach the session."""
    session, task, _ = make_session(tmp_path, driven=True, num_envs=2, terrains=("hurdle", "tilt"))
    assert session.driver is not None
    viewer = WebViewer(MujocoShapes(task), session, ViewerOptions("a test", port=own_port()))
    over = threading.Event()
    thread = threading.Thread(target=lambda: run(session, viewer=viewer, stop=over.is_set))
    thread.start()
    try:
        with open_page(viewer.address, tmp_path / "profile") as browser:
            browser.wait_for("document.body.innerText.includes('way points')")
            browser.click("Pause (space)")
            _until(lambda: session.paused)
            browser.click("Next terrain (N)")
            _until(lambda: session.watched == 1)
            browser.press("m")
            _until(lambda: session.watched == 0)
            browser.wait_for("document.body.innerText.includes('Paused: go on')")
            assert browser.evaluate("document.title") == "parkour: a test"
            browser.press("w")
            _until(lambda: session.driver is not None and session.driver.speed == pytest.approx(0.1))
            browser.press("s")
            _until(lambda: session.driver is not None and session.driver.speed == 0.0)
            picture = _settled(browser)
            loaded = browser.evaluate("performance.getEntriesByType('resource').map(e => new URL(e.name).host)")
    finally:
        over.set()
        thread.join()
        viewer.close()
    # Sky above, course below, the robot's black and light shapes in the middle.
    assert np.abs(picture[30:90, 350:600].mean((0, 1)) - picture[-120:-20, 350:600].mean((0, 1))).max() > 15
    middle = picture[250:480, 400:600].astype(int).sum(axis=-1)
    assert (middle < 150).sum() > 50
    assert set(loaded) <= {f"127.0.0.1:{viewer.port}"}, "nothing comes from elsewhere"


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium")
def test_the_page_has_room_for_everything(tmp_path: Path) -> None:
    """At every width each control of each tab is inside of the window, below nothing else, and nothing overflows."""
    session, task, weights = make_session(tmp_path, depth=True, num_envs=2, terrains=("hurdle", "tilt"))
    policies = PolicyChoices(weights, lambda chosen: load_policy(chosen, task, session.env), 12)
    noises = {name: lambda: session.mdp.observations for name in ("none", "a noise with quite a long name")}
    session.settings = Settings(session, policies, noises, 0.8)
    viewer = WebViewer(MujocoShapes(task), session, ViewerOptions("a test", port=own_port(), depth=True))
    over = threading.Event()
    thread = threading.Thread(target=lambda: run(session, viewer=viewer, stop=over.is_set))
    thread.start()
    controls = {"Session": 8, "Choose": 9, "Rewards": 0}
    try:
        with open_page(viewer.address, tmp_path / "profile") as browser:
            browser.wait_for("document.body.innerText.includes('way points')")
            browser.evaluate("document.querySelectorAll('.mantine-Notification-closeButton').forEach(e => e.click())")
            for width, height in ((1440, 900), (1000, 700), (390, 844)):
                browser.resize(width, height)
                for tab, least in controls.items():
                    _open_tab(browser, tab)
                    visible = "[...document.querySelectorAll('button, input')].filter(e => e.offsetParent).length"
                    browser.wait_for(f"{visible} >= {least}")
                    # The panels take a moment to find their places.
                    _until(lambda: browser.out_of_reach("button, input, [role=slider], [role=tab]") == [])
                    edges = "[...document.querySelectorAll('p, img, canvas')].filter(e => e.offsetParent)"
                    edge = f"Math.max(0, ...{edges}.map(e => e.getBoundingClientRect().right))"
                    browser.wait_for(f"{edge} <= {width} + 0.5 && document.documentElement.scrollWidth <= {width}")
    finally:
        over.set()
        thread.join()
        viewer.close()


def _open_tab(browser: Any, name: str) -> None:
    """With the mouse."""
    tab = f"[...document.querySelectorAll('[role=tab]')].find(e => e.offsetParent && e.innerText.includes('{name}'))"
    browser.wait_for(f"({tab}?.scrollIntoView({{block: 'nearest'}}), !!{tab})")
    place = browser.wait_for(f"(r => r && [r.x + r.width / 2, r.y + r.height / 2])({tab}?.getBoundingClientRect())")
    browser.tap(*place)
    browser.wait_for(f"{tab}.getAttribute('aria-selected') == 'true'")


def _until(true: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def _settled(browser: Any) -> np.ndarray:
    """A screenshot that looks like the one before."""
    before = browser.screenshot()
    for _ in range(20):
        time.sleep(1.0)
        now = browser.screenshot()
        if now.shape == before.shape and np.abs(now.astype(int) - before).mean() < 0.5 and now.std() > 20:
            return now
        before = now
    return before
