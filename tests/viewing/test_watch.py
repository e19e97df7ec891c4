"""From options to a session, with an engine that only writes down what it is asked for."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parkour.errors import DeviceError, EngineError, ParkourError, StorageError
from parkour.evaluation.protocol import TaskChanges
from parkour.policies.source import Weights
from parkour.viewing import watch as module
from parkour.viewing.controls import Action
from parkour.viewing.viewer import check_viewer, choose_viewer, open_camera
from parkour.viewing.watch import DriveOptions, WatchOptions, watch
from tests.evaluation.fakes import write_weights
from tests.viewing.fakes import FakeEngine, PaintingCamera, once_shown
from tests.viewing.test_pictures import frames


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_weights(tmp_path_factory.mktemp("run"))


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(module, "GAMEPADS", tmp_path / "input")


@pytest.mark.parametrize("width", [0, 63, 4097])
def test_depth_images_have_a_width_that_can_be_seen(weights: Weights, width: int) -> None:
    with pytest.raises(ParkourError, match=f"--depth-width: got {width}, expected 64 to 4096 pixels"):
        watch(weights, WatchOptions(depth_width=width), engine=FakeEngine())


def test_which_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert choose_viewer(None, video=False) == "web"
    assert choose_viewer(None, video=True) == "none"
    assert choose_viewer("web", video=True) == "web"
    monkeypatch.setenv("DISPLAY", ":0")
    assert choose_viewer(None, video=False) == "native"
    with pytest.raises(ParkourError, match="got 'windows', expected web, native, none"):
        choose_viewer("windows", video=False)
    with pytest.raises(ParkourError, match="nothing would be seen"):
        choose_viewer("none", video=False)


def test_play_has_a_robot_on_every_terrain_under_the_overlay_play(weights: Weights) -> None:
    engine, told = FakeEngine(life=3), []
    session = watch(weights, WatchOptions(seed=5), engine=engine, notify=told.append)
    task = engine.made["task"]
    assert engine.made["kind"] == "web" and engine.made["num_envs"] == len(task.terrains) == 5
    assert engine.made["seed"] == 5 and engine.made["device"] == "cpu"
    assert sorted(engine.env.mdp.course.terrain.tolist()) == [0, 1, 2, 3, 4]
    assert task.model.timing.episode_length == 60.0 and "push" not in task.events
    assert (engine.env.mdp.course.difficulty >= 0.69).all()
    # The page has all others to choose from.
    assert engine.env.mdp.course.library.difficulty.min() == 0.0
    assert engine.viewer is not None and engine.viewer.closed and engine.env.closed
    assert not engine.viewer.options.behind and session.driver is None
    assert "in a test (Ctrl-C to end)" in told


def test_terrain_difficulty_and_overrides(weights: Weights) -> None:
    engine = FakeEngine(life=1)
    changes = TaskChanges((0.1, 0.2), ("demo",), None, {"command.speed": [0.5, 0.5]})
    watch(weights, WatchOptions(num_envs=3, changes=changes), engine=engine)
    assert engine.made["num_envs"] == 3 and list(engine.made["task"].terrains) == ["demo"]
    assert (engine.env.mdp.course.difficulty <= 0.2001).all()
    assert (engine.env.mdp.command.speed == 0.5).all()


def test_a_film_without_a_viewer(weights: Weights, tmp_path: Path) -> None:
    engine, told = FakeEngine(), []
    options = WatchOptions(video=tmp_path / "out.mp4", steps=50, show_depth=True)
    session = watch(weights, options, engine=engine, notify=told.append)
    assert session.steps == 50 and engine.viewer is None
    assert isinstance(engine.camera, PaintingCamera) and engine.camera.closed and engine.camera.view == "side"
    pictures = frames(tmp_path / "out.mp4")
    # One before the first step, then 25 a second.
    assert len(pictures) == 26 and pictures[0].shape == (540, 960, 3)
    assert pictures[-1][200, 100].mean() > pictures[0][200, 100].mean() + 15
    # The depth image in its corner, with something on it.
    assert pictures[5][400:, 700:].std() > 10 > pictures[5][200:300, :500].std()
    assert any("what one would see" in line for line in told)
    assert any("out.mp4 (26 frames)" in line for line in told)


def test_a_film_of_several_robots_of_its_own_size_and_length(weights: Weights, tmp_path: Path) -> None:
    cameras: list[PaintingCamera] = []

    class Filming(FakeEngine):
        def make_camera(self, env: Any, task: Any, size: tuple[int, int], view: Any) -> PaintingCamera:
            cameras.append(PaintingCamera(size, view))
            return cameras[-1]

    options = WatchOptions(
        video=tmp_path / "out.mp4", seconds=0.4, video_size="640x180", camera="above", side_by_side=3, num_envs=3
    )
    session = watch(weights, options, engine=Filming())
    assert session.steps == 20 and [camera.view for camera in cameras] == ["above"] * 3
    assert all(camera.size == (212, 180) and camera.closed for camera in cameras)
    pictures = frames(tmp_path / "out.mp4")
    assert len(pictures) == 11 and pictures[0].shape == (180, 640, 3)


def test_a_gif_has_half_the_pictures(weights: Weights, tmp_path: Path) -> None:
    from PIL import Image

    watch(weights, WatchOptions(video=tmp_path / "out.gif", seconds=0.8), engine=FakeEngine())
    with Image.open(tmp_path / "out.gif") as image:
        assert image.size == (480, 270) and getattr(image, "n_frames", 1) in (10, 11)


def test_a_film_is_long_enough_without_steps(weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILM_STEPS", 10)
    assert watch(weights, WatchOptions(video=tmp_path / "out.mp4"), engine=FakeEngine()).steps == 10


def test_a_film_beside_a_viewer(weights: Weights, tmp_path: Path) -> None:
    engine = FakeEngine()
    watch(weights, WatchOptions(viewer="web", video=tmp_path / "out.mp4", steps=10), engine=engine)
    assert engine.viewer is not None and engine.viewer.shown and len(frames(tmp_path / "out.mp4")) == 6


def test_a_script_drives_to_its_end(weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "drive.csv").write_text("time,speed,turn\n0,0.7,0\n0.2,0.4,0.5\n0.6,0,0\n")
    engine = FakeEngine()
    options = WatchOptions(
        video=tmp_path / "out.mp4", drive=DriveOptions(script=tmp_path / "drive.csv"),
        changes=TaskChanges(terrains=("demo",)),
    )  # fmt: skip
    seen = []

    class Noting(PaintingCamera):
        def picture(self, snapshot: Any) -> np.ndarray:
            seen.append((snapshot.seconds, snapshot.command, snapshot.heading))
            return super().picture(snapshot)

    engine.make_camera = lambda env, task, size, view: Noting(size, view)  # type: ignore[method-assign]
    session = watch(weights, options, engine=engine)
    assert session.steps == 30 and engine.made["num_envs"] == 1
    commands = {round(time, 2): command for time, command, _ in seen}
    assert commands[0.12] == pytest.approx(0.7) and commands[0.4] == pytest.approx(0.4)
    assert seen[-1][2] == pytest.approx(0.5 * 0.4, abs=0.02)


def test_a_gamepad_that_is_plugged_in_is_used(weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    os.mkfifo(tmp_path / "input" / "js0")
    told: list[str] = []
    session = watch(weights, WatchOptions(drive=DriveOptions()), engine=FakeEngine(life=2), notify=told.append)
    assert session.driver is not None and session.driver.source is not None
    assert any("js0" in line for line in told)
    other = DriveOptions(gamepad=tmp_path / "input" / "js3")
    with pytest.raises(ParkourError, match="js3: No such file"):
        watch(weights, WatchOptions(drive=other), engine=FakeEngine())


def test_a_gamepad_that_may_not_be_opened_is_left_out(weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "js0").symlink_to(tmp_path / "nowhere")
    told: list[str] = []
    watch(weights, WatchOptions(drive=DriveOptions()), engine=FakeEngine(life=1), notify=told.append)
    assert any("js0" in line for line in told)


def test_a_viewer_that_does_not_open_leaves_no_film(weights: Weights, tmp_path: Path) -> None:
    class Busy(FakeEngine):
        def make_viewer(self, *arguments: Any) -> Any:
            raise EngineError("--port 8080: in use")

    with pytest.raises(EngineError, match="in use"):
        watch(weights, WatchOptions(viewer="web", video=tmp_path / "out.mp4"), engine=Busy())
    assert list(tmp_path.glob("*.mp4")) == []


def test_a_demo_looks_from_behind(weights: Weights) -> None:
    engine = FakeEngine(life=1)
    watch(weights, WatchOptions(drive=DriveOptions()), engine=engine)
    assert engine.viewer is not None and engine.viewer.options.behind and not engine.viewer.options.depth


def test_a_demo_on_the_page_drives_everywhere_and_begins_on_demo(weights: Weights) -> None:
    engine = FakeEngine(life=1)
    session = watch(weights, WatchOptions(drive=DriveOptions()), engine=engine)
    assert session.settings is not None and session.snapshot().terrain == "demo"
    assert {"demo", "field", "gap", "step"} <= set(session.settings.terrains)
    session.go_to_terrain("field")
    assert session.snapshot().boxes[0, 7:9].min() > 50.0


def test_where_courses_stand_beside_one_another_the_page_has_those_named(weights: Weights) -> None:
    class Crowded(FakeEngine):
        worlds_apart = False

    session = watch(weights, WatchOptions(drive=DriveOptions()), engine=Crowded(life=1))
    assert session.settings is not None and session.settings.terrains == ("demo",)
    named = WatchOptions(drive=DriveOptions(), changes=TaskChanges(terrains=("field",)))
    session = watch(weights, named, engine=Crowded(life=1))
    assert session.settings is not None and session.settings.terrains == ("field",)


def test_ctrl_c_ends_it_cleanly(weights: Weights, tmp_path: Path) -> None:
    engine = FakeEngine()
    pressing = once_shown(engine, lambda: os.kill(os.getpid(), signal.SIGINT))
    session = watch(weights, WatchOptions(viewer="web", video=tmp_path / "out.mp4"), engine=engine)
    pressing.join()
    assert 0 < session.steps < 200
    assert engine.viewer is not None and engine.viewer.closed and engine.env.closed
    assert len(frames(tmp_path / "out.mp4")) > 1


def test_quitting_ends_it(weights: Weights) -> None:
    engine = FakeEngine()
    pressing = once_shown(engine, lambda: engine.viewer and engine.viewer.session.controls.ask(Action.QUIT))
    assert watch(weights, WatchOptions(), engine=engine).quit
    pressing.join()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (WatchOptions(steps=0), "--steps: got 0, expected at least 1"),
        (WatchOptions(num_envs=0), "--num-envs: got 0"),
        (WatchOptions(seed=-1), "--seed: got -1"),
        (WatchOptions(port=0), "--port: got 0"),
        (WatchOptions(port=70000), "--port: got 70000, expected at most 65535"),
        (WatchOptions(viewer="native", port=8080), "got --port with the viewer native"),
        (WatchOptions(viewer="none"), "nothing would be seen"),
        (WatchOptions(video=Path("film.avi")), "expected an .mp4 file"),
        (WatchOptions(seconds=0.0), "--seconds: got 0, expected more than 0"),
        (WatchOptions(seconds=float("nan")), "--seconds: got nan"),
        (WatchOptions(seconds=1.0, steps=1), "got --seconds and --steps"),
        (WatchOptions(video=Path("a.mp4"), video_size="0x9"), "--video-size: got '0x9'"),
        (WatchOptions(video=Path("a.mp4"), video_size="641x480"), "even numbers from 64 to 4096"),
        (WatchOptions(video=Path("a.mp4"), camera="below"), "--camera: got 'below', expected side, behind, front"),
        (WatchOptions(video=Path("a.mp4"), side_by_side=10), "--side-by-side: got 10, expected at most 9"),
        (WatchOptions(video=Path("a.mp4"), side_by_side=3, num_envs=2), "but --num-envs is 2"),
        (WatchOptions(side_by_side=2), "got --side-by-side without --video"),
        (WatchOptions(device="tpu"), "got device 'tpu'"),
        (WatchOptions(changes=TaskChanges(terrains=("gapp",))), "unknown terrain 'gapp'; did you mean 'gap'?"),
        (WatchOptions(changes=TaskChanges(noise="noisy")), "is a teacher, which has no depth camera"),
        (WatchOptions(drive=DriveOptions(script=Path("no.csv"))), "--script no.csv: No such file"),
        (WatchOptions(drive=DriveOptions(Path("a"), Path("b"))), "got --script and --gamepad"),
        (WatchOptions(drive=DriveOptions(), video=Path("a.mp4")), "nobody drives"),
    ],
)  # fmt: skip
def test_bad_options_are_one_line(
    weights: Weights, options: WatchOptions, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = FakeEngine(life=1)
    with pytest.raises(ParkourError) as caught:
        watch(weights, options, engine=engine)
    assert told in caught.value.message
    assert engine.env is None, "nothing slow before the options are known to be good"


def test_unwritable_film(weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="--video"):
        watch(weights, WatchOptions(video=tmp_path / "file" / "out.mp4"), engine=FakeEngine())


def test_no_cuda(weights: Weights) -> None:
    with pytest.raises(DeviceError, match="cuda"):
        watch(weights, WatchOptions(device="cuda:77"), engine=FakeEngine())


class Blind:
    """An engine that cannot be watched."""

    def make_env(self, *args: Any, **options: Any) -> Any:
        return FakeEngine().make_env(*args, **options)


def test_engines_without_viewers_say_so(weights: Weights, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="engine 'custom' has no web viewer; it has none"):
        watch(weights, WatchOptions(), engine=Blind())
    with pytest.raises(EngineError, match="--video: engine 'custom' renders no pictures"):
        watch(weights, WatchOptions(video=tmp_path / "out.mp4"), engine=Blind())
    assert list(tmp_path.glob("*.mp4")) == []
    arguments: Any = ("blind", Blind(), None, None)
    with pytest.raises(EngineError, match="renders no pictures"):
        open_camera(*arguments, (4, 4), "side")


def test_a_window_needs_a_display(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(EngineError, match="--viewer native: there is no display") as caught:
        watch(weights, WatchOptions(viewer="native"), engine=FakeEngine())
    assert "--viewer web" in (caught.value.hint or "")


def test_an_engine_may_have_a_window_of_its_own_alone() -> None:
    class Windowed(FakeEngine):
        viewers = ("native",)

    with pytest.raises(EngineError, match="has no web viewer; it has native") as caught:
        check_viewer("isaac", Windowed(), "web")
    assert caught.value.hint == "--viewer native"


def test_an_engine_is_told_before_its_environment_is_made_what_it_is_watched_with(weights: Weights) -> None:
    class Prepared(FakeEngine):
        def watch_options(self, kind: str, video: bool) -> dict[str, Any]:
            return {"headless": kind != "native", "render": video}

    engine = Prepared(life=1)
    watch(weights, WatchOptions(viewer="web", num_envs=1), engine=engine)
    assert engine.made["headless"] is True and engine.made["render"] is False


def test_what_is_no_environment_of_a_task_is_refused(weights: Weights) -> None:
    class Other(FakeEngine):
        def make_env(self, task: Any, **options: Any) -> Any:
            return object()

    with pytest.raises(EngineError, match="engine Other made a object, expected a parkour"):
        watch(weights, WatchOptions(), engine=Other())
