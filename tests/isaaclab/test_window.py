"""Sessions on PhysX in Isaac Sim's window, and films of its viewport: what is asked of doubles of Kit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import UsdGeom

from parkour.errors import EngineError
from parkour.evaluation.protocol import evaluation_task
from parkour.learning.video import record
from parkour.policies.deployed import load_policy
from parkour.policies.source import Weights
from parkour.viewing.controls import BUTTONS, buttons
from parkour.viewing.markers import UP
from parkour.viewing.session import Session
from parkour.viewing.viewer import ViewerOptions
from parkour.viewing.watch import PLAY, WatchOptions, watch
from parkour_isaaclab.engine import IsaacLabEngine
from tests.isaaclab.harness import kit, window
from tests.isaaclab.sessions import CHANGES, make_session

pytestmark = pytest.mark.isaaclab


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
    frames = record(env, load_policy(weights, task, env), task.model.step_dt, seconds=0.4)
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
