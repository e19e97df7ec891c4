"""MuJoCo's side of viewing: the model for the eye, pictures, the page, the window."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
import torch

from parkour.errors import EngineError
from parkour.viewing.controls import BUTTONS
from parkour.viewing.loop import run
from parkour.viewing.session import Session
from parkour.viewing.snapshot import Snapshot
from parkour.viewing.viewer import ViewerOptions
from parkour_mujoco.launch import choose_renderer
from tests.viewing.browser import find_chromium, open_page
from tests.viewing.fakes import make_session

pytestmark = pytest.mark.mujoco
# Before anything imports MuJoCo.
choose_renderer()
mujoco = pytest.importorskip("mujoco")
pytest.importorskip("mjlab")
engine = pytest.importorskip("parkour_mujoco.engine").MujocoEngine()
from parkour_mujoco.sim2sim.depth import check_renderer  # noqa: E402
from parkour_mujoco.viewer import web as web_module  # noqa: E402
from parkour_mujoco.viewer.meshes import body_meshes  # noqa: E402
from parkour_mujoco.viewer.model import COLLISION_GROUP, ViewModel, draw_markers  # noqa: E402
from parkour_mujoco.viewer.web import WebViewer, free_port  # noqa: E402


def can_render() -> bool:
    try:
        check_renderer()
        mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 16, 16).close()
    except Exception:
        return False
    return True


renders = pytest.mark.skipif(not can_render(), reason="nothing can be rendered here")


def any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# -- the model ---------------------------------------------------------------------------------------------------------


def test_the_model_stands_where_the_simulated_robot_stands(tmp_path: Path) -> None:
    """Joint by joint and box by box, on the real environment, before and after the course changes."""
    _, task, _ = make_session(tmp_path, terrains=("tilt", "gap"), num_envs=2)
    env: Any = engine.make_env(task, num_envs=2, device="cpu", seed=1)
    view = ViewModel(task)
    try:
        from parkour.viewing.snapshot import take_snapshot

        for level in (0, 3):
            ids = torch.tensor([0, 1])
            env.mdp.course.set_levels(ids, torch.full((2,), level))
            env.begin(ids)
            for _ in range(12):
                env.step(torch.randn(2, 12))
            snapshot = take_snapshot(env.mdp, 1)
            assert view.pose(snapshot) and not view.pose(snapshot)
            sim, state = env.unwrapped.sim.mj_model, env.unwrapped.sim.data
            mj = mujoco.MjData(sim)
            mj.qpos[:] = state.qpos[1].numpy()
            mujoco.mj_kinematics(sim, mj)
            names = [view.model.body(i).name for i in range(view.model.nbody)]
            for name in names:
                if name not in ("world", "course"):
                    found, wanted = view.data.body(name), mj.body(f"robot/{name}")
                    np.testing.assert_allclose(found.xpos, wanted.xpos, atol=1e-4)
                    np.testing.assert_allclose(found.xmat, wanted.xmat, atol=1e-4)
            boxes = [i for i in range(view.model.ngeom) if view.model.geom(i).name.startswith("box_")]
            shown = view.data.geom_xpos[boxes][: len(snapshot.boxes)]
            np.testing.assert_allclose(shown, snapshot.boxes[:, :3], atol=1e-9)
            field = env.unwrapped.sim.model
            course = [i for i in range(sim.ngeom) if sim.geom(i).name.startswith("course/")]
            np.testing.assert_allclose(view.model.geom_pos[boxes], field.geom_pos[1, course].numpy(), atol=1e-5)
            np.testing.assert_allclose(
                view.model.geom_size[boxes][: len(shown)], field.geom_size[1, course].numpy()[: len(shown)], atol=1e-6
            )
    finally:
        env.close()


def test_meshes_are_as_large_as_the_shapes(tmp_path: Path) -> None:
    xml = """<mujoco><worldbody><body>
        <geom type="box" size="0.1 0.2 0.3" pos="1 0 0"/> <geom type="sphere" size="0.5" pos="0 3 0"/>
        <geom type="capsule" size="0.1 0.4" rgba="1 0 0 1"/> <geom type="cylinder" size="0.2 0.3" rgba="0 1 0 1"/>
        <geom type="ellipsoid" size="0.1 0.2 0.3" rgba="0 0 1 1"/> <geom type="plane" size="1 1 1"/>
        <geom type="sphere" size="9" group="3"/> <geom type="box" size="9 9 9" group="1"/>
        </body></worldbody></mujoco>"""
    meshes = body_meshes(mujoco.MjModel.from_xml_string(xml), COLLISION_GROUP)
    reach = {mesh.colour: np.ptp(mesh.vertices, axis=0) for mesh in meshes}
    assert len(meshes) == 5 and all(mesh.faces.max() < len(mesh.vertices) for mesh in meshes)
    np.testing.assert_allclose(reach[255, 0, 0], (0.2, 0.2, 1.0), atol=0.01)
    np.testing.assert_allclose(reach[0, 255, 0], (0.4, 0.4, 0.6), atol=0.01)
    np.testing.assert_allclose(reach[0, 0, 255], (0.2, 0.4, 0.6), atol=0.01)
    boxes = next(mesh for mesh in meshes if mesh.flat)
    np.testing.assert_allclose(boxes.vertices.mean(axis=0), (1, 0, 0), atol=1e-6)


def test_markers_have_the_colours_of_their_way_points(tmp_path: Path) -> None:
    session, _, _ = make_session(tmp_path, driven=True, num_envs=1)
    session.mdp.goals.index[:] = 2
    snapshot = session.snapshot()
    scene = mujoco.MjvScene(mujoco.MjModel.from_xml_string("<mujoco/>"), maxgeom=100)
    draw_markers(scene, snapshot)
    assert scene.ngeom == 2 * len(snapshot.goals) + 1
    balls = [scene.geoms[i] for i in range(scene.ngeom) if scene.geoms[i].type == mujoco.mjtGeom.mjGEOM_SPHERE]
    shown = np.array([np.round(np.asarray(ball.rgba[:3]) * 255) for ball in balls])
    assert np.array_equal(shown, snapshot.goal_colours())
    small = mujoco.MjvScene(mujoco.MjModel.from_xml_string("<mujoco/>"), maxgeom=5)
    draw_markers(small, snapshot)
    assert small.ngeom == 5


# -- pictures ----------------------------------------------------------------------------------------------------------


@renders
@pytest.mark.parametrize("behind", [True, False])
def test_robot_course_and_way_points_are_in_the_picture(tmp_path: Path, behind: bool) -> None:
    from dataclasses import replace

    session, task, _ = make_session(tmp_path, terrains=("hurdle",), num_envs=1)
    camera = engine.make_camera(None, task, (320, 180), behind)
    try:
        here = session.snapshot()
        first = camera.picture(here).astype(int)
        away = camera.picture(replace(here, joint_pos=here.joint_pos, base_pos=here.base_pos - (0, 0, 60))).astype(int)
        assert first.shape == (180, 320, 3)
        # The camera follows the robot, so look at what the middle shows.
        changed = np.abs(first - away).sum(axis=-1) > 30
        assert changed[60:140, 110:210].mean() > 0.1
        other = camera.picture(replace(here, boxes=here.boxes[:1])).astype(int)
        assert (np.abs(first - other).sum(axis=-1) > 30).mean() > 0.002
        passed = camera.picture(replace(here, goal_index=8)).astype(int)
        green = lambda picture: (picture[..., 1] - picture[..., ::2].max(axis=-1) > 40).sum()  # noqa: E731
        assert green(first) > 5 and green(passed) == 0
    finally:
        camera.close()


def test_nothing_renders_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.viewer import camera as module

    def fail(*args: Any) -> None:
        raise ImportError("Cannot initialize a EGL device display")

    _, task, _ = make_session(tmp_path, num_envs=1)
    monkeypatch.setattr(module, "check_renderer", fail)
    with pytest.raises(EngineError, match=r"nothing can be rendered here .*EGL device") as caught:
        engine.make_camera(None, task, (64, 48), False)
    assert "libegl1" in (caught.value.hint or "")
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    with pytest.raises(EngineError, match=r"nothing can be rendered here \(no EGL"):
        engine.make_camera(None, task, (64, 48), False)


# -- the page ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[WebViewer, Session, Any]]:
    session, task, _ = make_session(tmp_path, driven=True, depth=True, num_envs=2, terrains=("hurdle", "tilt"))
    viewer = WebViewer(task, session, ViewerOptions("a test", port=any_port(), behind=True, depth=True))
    yield viewer, session, task
    viewer.close()


def test_the_page_is_served_to_this_machine_alone(page: tuple[WebViewer, Session, Any]) -> None:
    viewer, _, _ = page
    assert viewer.where == f"web viewer: http://127.0.0.1:{viewer.port}"
    with urlopen(f"http://127.0.0.1:{viewer.port}", timeout=10) as answer:
        assert answer.status == 200 and b"<!doctype html>" in answer.read(200)
    assert viewer.server.get_host() == "127.0.0.1"
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex((socket.gethostbyname(socket.gethostname()), viewer.port)) != 0 or socket.gethostbyname(
            socket.gethostname()
        ).startswith("127.")


def test_boxes_on_the_page_follow_the_course(page: tuple[WebViewer, Session, Any]) -> None:
    viewer, session, _ = page
    seen = set()
    for _ in range(6):
        session.reset()
        viewer.update(session)
        snapshot = session.snapshot()
        handle = viewer.scene._boxes
        np.testing.assert_allclose(handle.batched_positions, snapshot.boxes[:, :3], atol=1e-6)
        np.testing.assert_allclose(handle.batched_scales, snapshot.boxes[:, 7:], atol=1e-6)
        np.testing.assert_allclose(handle.batched_wxyzs, snapshot.boxes[:, 3:7], atol=1e-6)
        seen.add(viewer.scene.boxes.tobytes())
    assert len(seen) > 1
    before = viewer.scene._boxes
    session.advance(), viewer.update(session)
    assert viewer.scene._boxes is before, "an unchanged course is not sent again"


def test_way_points_and_robot_on_the_page(page: tuple[WebViewer, Session, Any]) -> None:
    viewer, session, _ = page
    session.mdp.goals.index[:] = 4
    viewer.update(session)
    assert np.array_equal(viewer.scene._balls.batched_colors, session.snapshot().goal_colours())
    viewer.scene.markers = False
    viewer.update(session)
    assert not viewer.scene._balls.visible and not viewer.scene._poles.visible
    base = viewer.scene._view.model.body("base_link").id
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
    assert labels == [f"{button.label} ({button.browser_key})" for button in BUTTONS]
    # What a click in the browser does.
    groups[0].value = "Pause (space)"
    _until(lambda: session.handle() or session.paused)
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


def test_panels_show_what_is_so(page: tuple[WebViewer, Session, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, session, _ = page
    for _ in range(10):
        session.advance()
    viewer.panels._last_status = viewer.panels._last_plots = -1e9
    viewer.update(session)
    text = viewer.panels._status._text.content
    assert "**hurdle**" in text and "steered by hand" in text and "step 10" in text
    plots = viewer.panels._rewards._plots
    assert [plot.title for plot in plots] == list(session.rewards.names)
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


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium")
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """It loads, shows something, and buttons and keys reach the session."""
    session, task, _ = make_session(tmp_path, num_envs=2, terrains=("hurdle", "tilt"))
    viewer = WebViewer(task, session, ViewerOptions("a test", port=any_port()))
    over = threading.Event()
    thread = threading.Thread(target=lambda: run(session, viewer=viewer, stop=over.is_set))
    thread.start()
    try:
        with open_page(f"http://127.0.0.1:{viewer.port}", tmp_path / "profile") as browser:
            browser.wait_for("document.body.innerText.includes('way points')")
            browser.click("Pause (space)")
            _until(lambda: session.paused)
            browser.click("Next terrain (N)")
            _until(lambda: session.watched == 1)
            browser.press("m")
            _until(lambda: session.watched == 0)
            browser.wait_for("document.body.innerText.includes('paused')")
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


def _until(true: Any, seconds: float = 30.0) -> None:
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


# -- the window --------------------------------------------------------------------------------------------------------


class Window:
    """MuJoCo's handle, without a window."""

    def __init__(self, model: Any, data: Any, key: Any) -> None:
        self.model, self.key, self.open = model, key, True
        self.cam, self.opt = mujoco.MjvCamera(), mujoco.MjvOption()
        self.user_scn = mujoco.MjvScene(model, maxgeom=100)
        self.viewport = mujoco.MjrRect(0, 0, 1200, 800)
        self.synced, self.texts, self.figures, self.images = 0, [], [], []

    def lock(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()

    def is_running(self) -> bool:
        return self.open

    def sync(self) -> None:
        self.synced += 1

    def set_texts(self, text: Any) -> None:
        self.texts.append(text)

    def set_figures(self, figures: Any) -> None:
        self.figures = figures

    def set_images(self, image: Any) -> None:
        rectangle, picture = image
        assert picture.shape[:2] == (rectangle.height, rectangle.width)
        self.images.append(picture)

    def close(self) -> None:
        self.open = False


def test_the_window_shows_the_session_and_takes_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.viewer import native

    monkeypatch.setattr(native, "open_window", Window)
    monkeypatch.setattr(native, "PLOTS_EVERY", 0.0)
    session, task, _ = make_session(tmp_path, driven=True, depth=True, num_envs=1, terrains=("hurdle",))
    viewer = native.NativeViewer(task, session, ViewerOptions("a test", behind=True, depth=True))
    window = viewer._window
    for _ in range(12):
        session.advance()
    session.reset()
    session.advance()
    viewer.update(session)
    shown: Snapshot = session.snapshot()
    assert viewer.running and window.synced == 2
    assert "hurdle" in window.texts[-1][2] and window.texts[-1][3] == "1 x"
    assert window.user_scn.ngeom == 2 * len(shown.goals) + 1
    np.testing.assert_allclose(window.cam.lookat, shown.base_pos, atol=0.1)
    # The new course's sizes, in the model that the window draws.
    first = window.model.geom("box_0")
    np.testing.assert_allclose(window.model.geom_size[first.id], shown.boxes[0, 7:], atol=1e-9)
    assert len(window.figures) == len(session.rewards.names) and window.images[-1].std() > 5
    figure = window.figures[0][1]
    assert figure.linepnt[0] == 1 and figure.title == session.rewards.names[0]
    window.key(32), window.key(265), window.key(999)
    session.handle()
    assert session.paused and session.driver is not None and session.driver.speed == pytest.approx(0.1)
    viewer.close()
    assert not viewer.running


def test_a_plot_holds_a_long_history() -> None:
    from parkour_mujoco.viewer.native import POINTS, fill_figure, reward_figure

    figure = reward_figure("term")
    times, values = np.linspace(-9.98, 0, 500), np.sin(np.linspace(0, 9, 500))
    fill_figure(figure, times, values)
    points = figure.linedata[0, : 2 * figure.linepnt[0]].reshape(-1, 2)
    assert 100 < len(points) <= POINTS
    np.testing.assert_allclose(points[-1], (times[-1], values[-1]), atol=1e-6)
    assert figure.range[1][0] < values.min() and figure.range[1][1] > values.max()
    fill_figure(figure, times[:0], values[:0])
    assert figure.linepnt[0] == 0


def test_a_window_that_cannot_be_opened_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_mujoco.viewer import native

    glfw = pytest.importorskip("glfw")
    monkeypatch.setattr(glfw, "init", lambda: False)
    with pytest.raises(EngineError, match="--viewer native: RuntimeError: GLFW finds no display") as caught:
        native.open_window(None, None, None)
    assert "--viewer web" in (caught.value.hint or "")
    monkeypatch.setattr(glfw, "init", lambda: True)

    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("could not create window")

    import mujoco.viewer

    monkeypatch.setattr(mujoco.viewer, "launch_passive", fail)
    with pytest.raises(EngineError, match="could not create window"):
        native.open_window(None, None, None)
