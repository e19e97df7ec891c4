"""Sessions on PhysX as people see them: the page, which is real, and window and films, on doubles of Kit."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics, UsdShade, Vt

from parkour.errors import EngineError
from parkour.evaluation.protocol import TaskChanges, evaluation_task
from parkour.evaluation.source import PolicySource, Weights, load_weights
from parkour.learning.inference import load_policy
from parkour.learning.video import record
from parkour.mdp.drive import Drive
from parkour.tasks import ResolvedTask
from parkour.viewing.controls import BUTTONS, buttons
from parkour.viewing.depth import DepthFeed
from parkour.viewing.driving import Driver
from parkour.viewing.markers import UP
from parkour.viewing.session import Session
from parkour.viewing.viewer import ViewerOptions
from parkour.viewing.watch import DRIVEN, PLAY, DriveOptions, WatchOptions, watch
from parkour_isaaclab.engine import IsaacLabEngine
from parkour_isaaclab.launch import launch, quiet_stdout
from tests.isaaclab.harness import kit, window

pytestmark = pytest.mark.isaaclab

CHANGES = TaskChanges(terrains=("hurdle", "tilt"), sets=("course.levels=2",))


@pytest.fixture(scope="module")
def weights() -> Weights:
    return load_weights(PolicySource(None, None, None, True, Path("logs")))


@pytest.fixture
def with_window(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if Isaac Sim had been started with a window and cameras."""
    with quiet_stdout():
        launch(device="cpu")
    window.declare_window()
    for name in ("/app/window/enabled", "/isaaclab/render/offscreen", "/isaaclab/render/active_viewport"):
        monkeypatch.setitem(kit.settings._values, name, True)
    monkeypatch.setattr(kit.application, "running", True)
    monkeypatch.setenv("DISPLAY", ":0")
    window.Window.made.clear()
    yield
    assert window.keyboard.listeners == {}


def any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_session(
    make_env: Any, weights: Weights, *, driven: bool = False, depth: bool = False, **options: Any
) -> tuple[Any, Session, ResolvedTask]:
    task = evaluation_task(weights, DRIVEN if driven else PLAY, CHANGES)
    env = make_env(task, num_envs=2, **options)
    policy = load_policy(weights.path, env, task)
    driver = None
    if driven:
        driver = Driver(Drive(2, "cpu", env.mdp.clock.step_dt), task.model.command.speed[1])
    feed = DepthFeed(env.mdp, task.model.camera, env.get_observations()) if depth else None
    return env, Session(env, policy, driver=driver, depth=feed), task


# -- the page ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_shows_robot_and_course_as_physx_has_them(make_env: Any, weights: Weights) -> None:
    env, session, task = make_session(make_env, weights, driven=True, depth=True)
    options = ViewerOptions("a test", port=any_port(), behind=True, depth=True)
    viewer: Any = IsaacLabEngine().make_viewer("web", env, task, session, options)
    try:
        robot = env.unwrapped.scene["robot"]
        for _ in range(20):
            session.advance()
        for watched in (1, 0):
            session.watch(watched)
            session.reset()
            session.advance()
            viewer.update(session)
            snapshot = session.snapshot()
            scene = viewer.scene
            np.testing.assert_allclose(scene._boxes.batched_positions, snapshot.boxes[:, :3], atol=1e-6)
            base = robot.body_names.index("base")
            np.testing.assert_allclose(scene._bodies[base].position, snapshot.base_pos, atol=1e-4)
            np.testing.assert_allclose(scene._bodies[base].wxyz, snapshot.base_quat, atol=1e-5)
            feet = [robot.body_names.index(name) for name in task.robot.feet]
            shown = [scene._bodies[foot].position for foot in feet]
            np.testing.assert_allclose(shown, env.mdp.context.robot.feet_pos[watched].numpy(), atol=1e-4)
        assert viewer.panels._depth is not None and viewer.panels._depth._image.image.std() > 5
    finally:
        viewer.close()


@pytest.mark.slow
def test_a_policy_is_played_and_driven_on_the_page(weights: Weights) -> None:
    """The whole way of the command, and Ctrl-C's: what was started is closed."""
    said: list[str] = []
    for drive in (None, DriveOptions()):
        options = WatchOptions(
            viewer="web", port=any_port(), steps=15, num_envs=1, engine="isaaclab", changes=CHANGES, drive=drive
        )
        session = watch(weights, options, notify=said.append)
        assert session.steps == 15
        assert torch.isfinite(session.mdp.context.robot.base_pos).all()  # type: ignore[union-attr]
    assert [line.startswith("web viewer: http://127.0.0.1:") for line in said] == [True, True]


def test_meshes_of_a_link_are_as_large_as_its_shapes() -> None:
    from parkour_isaaclab.viewer.usd_meshes import PLAIN, link_meshes

    stage = Usd.Stage.CreateInMemory()
    link = _link(stage, "/robot/link", (5.0, 1.0, 0.0))
    UsdGeom.XformCommonAPI(link).SetScale(Gf.Vec3f(2.0))
    ball = UsdGeom.Sphere.Define(stage, "/robot/link/ball")
    ball.CreateRadiusAttr(0.1)
    ball.CreateDisplayColorAttr([Gf.Vec3f(1, 0, 0)])
    UsdGeom.XformCommonAPI(ball).SetTranslate(Gf.Vec3d(0.0, 0.0, 1.0))
    rod = UsdGeom.Capsule.Define(stage, "/robot/link/rod")
    rod.CreateAxisAttr("X")
    rod.CreateHeightAttr(1.0)
    rod.CreateRadiusAttr(0.1)
    collider = UsdGeom.Cube.Define(stage, "/robot/link/collider")
    UsdPhysics.CollisionAPI.Apply(collider.GetPrim())
    UsdGeom.Cube.Define(stage, "/robot/link/hidden").MakeInvisible()
    UsdGeom.Cube.Define(stage, "/robot/link/guide").CreatePurposeAttr("guide")
    child = _link(stage, "/robot/link/child", (0.0, 0.0, 0.0))
    UsdGeom.Cylinder.Define(stage, "/robot/link/child/disc")
    reach = {mesh.colour: mesh.vertices for mesh in link_meshes(link, 7)}
    plain = tuple(round(255 * part ** (1 / 2.2)) for part in PLAIN)
    assert set(reach) == {(255, 0, 0), plain}
    np.testing.assert_allclose(np.ptp(reach[255, 0, 0], axis=0), 0.4, atol=0.01)
    np.testing.assert_allclose(reach[255, 0, 0].mean(axis=0), (0, 0, 2), atol=1e-3)
    np.testing.assert_allclose(np.ptp(reach[plain], axis=0), (2.4, 0.4, 0.4), atol=0.01)
    assert [mesh.body for mesh in link_meshes(child, 8)] == [8]


def test_a_mesh_is_parted_by_its_materials() -> None:
    """Polygons become triangles, each part in the colour of its material; a mirrored one is turned inside out."""
    from parkour_isaaclab.viewer.usd_meshes import link_meshes

    stage = Usd.Stage.CreateInMemory()
    link = _link(stage, "/robot/link", (0.0, 0.0, 3.0))
    mesh = UsdGeom.Mesh.Define(stage, "/robot/link/mesh")
    corners = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 0.5, 1)]
    mesh.CreatePointsAttr([Gf.Vec3f(*corner) for corner in corners])
    mesh.CreateFaceVertexCountsAttr([4, 3, 3])
    mesh.CreateFaceVertexIndicesAttr([3, 2, 1, 0, 0, 1, 4, 1, 2, 4])
    UsdGeom.XformCommonAPI(mesh).SetScale(Gf.Vec3f(1.0, 1.0, -1.0))
    for name, faces, colour in (("red", [0], (1, 0, 0)), ("blue", [1], (0, 0, 1))):
        subset = UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).CreateMaterialBindSubset(name, Vt.IntArray(faces))
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(_material(stage, f"/looks/{name}", colour))
    parts = {mesh.colour: mesh for mesh in link_meshes(link, 0)}
    assert len(parts[255, 0, 0].faces) == 2 and len(parts[0, 0, 255].faces) == 1 and len(parts) == 3
    vertices, faces = parts[255, 0, 0].vertices, parts[255, 0, 0].faces
    np.testing.assert_allclose(vertices[4], (0.5, 0.5, -1.0))
    a, b, c = vertices[faces[0]]
    assert np.cross(b - a, c - a)[2] > 0, "the mirrored bottom is a top"


def _link(stage: Usd.Stage, path: str, pos: tuple[float, float, float]) -> Usd.Prim:
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    UsdGeom.XformCommonAPI(prim).SetTranslate(Gf.Vec3d(*pos))
    UsdPhysics.RigidBodyAPI.Apply(prim)
    return prim


def _material(stage: Usd.Stage, path: str, colour: tuple[float, float, float]) -> UsdShade.Material:
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*colour))
    material.CreateSurfaceOutput().ConnectToSource(shader.CreateOutput("surface", Sdf.ValueTypeNames.Token))
    return material


# -- the window --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_window_shows_a_session_and_its_keys_drive_it(with_window: None, make_env: Any, weights: Weights) -> None:
    env, session, task = make_session(make_env, weights, driven=True, depth=True)
    options = ViewerOptions("a test", behind=True, depth=True)
    viewer = IsaacLabEngine().make_viewer("native", env, task, session, options)
    try:
        panel = window.Window.made[-1].frame
        _keys_and_buttons_ask(session, panel)
        updates = kit.application.updates
        for _ in range(10):
            session.advance()
        assert kit.application.updates == updates, "steps draw nothing"
        session.watch(1)
        viewer._panel._last = -1e9
        viewer.update(session)
        assert kit.application.updates == updates + 1
        _camera_is_behind(env, session)
        _panel_tells(session, panel)
        _markers_stand(env, session)
        # Off: whoever looks moves the camera.
        panel.all(window.CheckBox)[0].model.as_bool = False
        before = window.viewport.eye.copy()
        session.next_terrain()
        viewer.update(session)
        assert np.array_equal(window.viewport.eye, before)
        assert viewer.running
        kit.application.running = False
        assert not viewer.running
    finally:
        viewer.close()
    assert window.Window.made[-1].destroyed


@pytest.mark.slow
def test_the_command_starts_isaac_sim_with_a_window(tmp_path: Path) -> None:
    """A process of its own, in which Isaac Lab's launcher starts Kit's double."""
    script = tmp_path / "drive.csv"
    script.write_text("time,speed,turn\n0,0.5,0\n0.3,0,0\n")
    command = ["-m", "tests.isaaclab.harness", "demo", "--pretrained", "--engine", "isaaclab", "--viewer", "native"]
    done = subprocess.run(
        [sys.executable, *command, "--script", str(script)],
        capture_output=True, text=True, timeout=120, env={**os.environ, "DISPLAY": ":0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Isaac Sim's window: p pause, period step" in done.stderr
    assert "15 control steps" in done.stderr


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


def _camera_is_behind(env: Any, session: Session) -> None:
    """In the world, some metres from the robot that is watched, which it looks at."""
    snapshot = session.snapshot()
    robot = env.unwrapped.scene["robot"].data.root_link_pos_w[session.watched].numpy()
    np.testing.assert_allclose(window.viewport.target, robot, atol=0.3)
    offset = window.viewport.eye - window.viewport.target
    assert np.linalg.norm(offset) == pytest.approx(2.8, abs=1e-3)
    assert offset[:2] @ np.array([np.cos(snapshot.yaw), np.sin(snapshot.yaw)]) < -2.0
    assert offset[2] > 0.5


def _panel_tells(session: Session, panel: Any) -> None:
    status, *_, rewards = [label.text for label in panel.all(window.Label)]
    assert status.startswith(session.snapshot().terrain) and "robot 2 of 2" in status and "steered by hand" in status
    assert [line.split()[0] for line in rewards.splitlines()[1:]] == list(session.rewards.names)
    assert panel.all(window.ImageWithProvider)[0].provider.image.std() > 5


def _markers_stand(env: Any, session: Session) -> None:
    """On the stage: a ball and a pole per way point, and an arrow for the heading."""
    snapshot = session.snapshot()
    origin = env.unwrapped.scene.env_origins[session.watched].numpy()
    stage = env.unwrapped.scene.stage
    (prim,) = [one for one in stage.Traverse() if one.IsA(UsdGeom.PointInstancer)]
    instancer = UsdGeom.PointInstancer(prim)
    places = np.asarray(instancer.GetPositionsAttr().Get())
    assert len(places) == 2 * len(snapshot.goals) + 2
    np.testing.assert_allclose(places[:-2:2], snapshot.goals + 0.5 * UP + origin, atol=1e-3)
    kinds = [path.name for path in instancer.GetPrototypesRel().GetTargets()]
    named = [kinds[kind] for kind in instancer.GetProtoIndicesAttr().Get()]
    assert named[:-2:2] == [f"ball_{status.value}" for status in snapshot.goal_statuses()]
    assert named[-2:] == ["shaft", "tip"]
    turn = instancer.GetOrientationsAttr().Get()[-1]
    assert turn.GetReal() == pytest.approx(np.cos(snapshot.heading / 2), abs=1e-2)  # type: ignore[operator]
    assert turn.GetImaginary()[2] == pytest.approx(np.sin(snapshot.heading / 2), abs=1e-2)  # type: ignore[operator]


def test_keys_of_the_window_are_keys_of_kit(with_window: None) -> None:
    from parkour_isaaclab.viewer.keys import kit_key

    names = [kit_key(button) for button in buttons(driving=True)]
    assert set(names) <= window.KEY_NAMES
    assert len(set(names)) == len(names)
    assert not {"SPACE", "DEL", "ESCAPE", "Q", "W", "E", "R"} & set(names), "Kit's own"


# -- films -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_film_begins_when_pictures_come(
    with_window: None, weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Black ones are thrown away; the file has one picture per 0.04 s."""
    kit.settings.set("/app/window/enabled", False)
    film = tmp_path / "film.mp4"
    said: list[str] = []
    options = WatchOptions(video=film, steps=20, num_envs=1, engine="isaaclab", changes=CHANGES, show_depth=True)
    watch(weights, options, notify=said.append)
    assert said[-1] == f"video: {film} (11 frames)"
    frames = _frames(film)
    assert frames.shape[1:] == (540, 960, 3)
    assert frames[:, 250:290].mean(axis=(1, 2, 3)).min() > 20


@pytest.mark.slow
def test_trainings_film_begins_when_pictures_come(with_window: None, make_env: Any, weights: Weights) -> None:
    """And follows the first robot, which is Isaac Lab's own doing."""
    kit.settings.set("/app/window/enabled", False)
    task = evaluation_task(weights, PLAY, CHANGES)
    env = make_env(task, num_envs=2, render=True)
    frames = record(env, load_policy(weights.path, env, task), task.model.step_dt, seconds=0.4)
    assert len(frames) == 10 and min(frame.min() for frame in frames) > 0
    robot = env.unwrapped.scene["robot"].data.root_link_pos_w[0].numpy()
    np.testing.assert_allclose(window.viewport.target, robot + np.array([0.5, 0.0, 0.0]), atol=0.1)


@pytest.mark.slow
def test_without_cameras_or_window_there_is_one_line(make_env: Any, weights: Weights) -> None:
    """Isaac Sim was started by somebody else, without them."""
    env, session, task = make_session(make_env, weights)
    window.declare_window()
    with pytest.raises(EngineError, match="--viewer native: Isaac Sim was started without a window"):
        IsaacLabEngine().make_viewer("native", env, task, session, ViewerOptions("a test"))
    with pytest.raises(EngineError, match="--video: Isaac Sim was started without cameras"):
        IsaacLabEngine().make_camera(env, task, (960, 540), False)
    assert env.render() is None


@pytest.mark.slow
def test_pictures_that_stay_black_are_one_line(
    with_window: None, make_env: Any, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.settings.set("/app/window/enabled", False)
    monkeypatch.setattr(window, "BLACK", 10**6)
    env, session, task = make_session(make_env, weights, render=True)
    camera = IsaacLabEngine().make_camera(env, task, (96, 54), False)
    with pytest.raises(EngineError, match="nothing but black pictures in 200 renderings"):
        camera.picture(session.snapshot())


def test_what_is_watched_decides_how_isaac_sim_starts() -> None:
    engine = IsaacLabEngine()
    assert engine.watch_options("web", False) == {"headless": True, "render": False}
    assert engine.watch_options("native", False) == {"headless": False, "render": False}
    assert engine.watch_options("none", True) == {"headless": True, "render": True}


def _frames(path: Path) -> np.ndarray:
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["size"]
    return np.stack([np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader])
