"""``parkour play`` and ``parkour demo``: every option reaches the session; films of a policy; bad input is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parkour.policies.source import Weights
from parkour.viewing import watch as module
from parkour_cli.__main__ import main
from tests.evaluation.fakes import write_weights
from tests.viewing.fakes import FakeEngine

COMMANDS = ("play", "demo")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_weights(tmp_path_factory.mktemp("logs") / "rsl_rl" / "go2-teacher" / "2026-01-01_00-00-00")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeEngine:
    """In place of the engine that can run here."""
    fake = FakeEngine(life=2)

    def choose(name: str | None) -> tuple[str, FakeEngine]:
        fake.made["engine"] = name
        return "parkour-x:fake", fake

    monkeypatch.setattr(module, "choose_engine", choose)
    monkeypatch.setattr(module, "GAMEPADS", tmp_path / "input")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("PARKOUR_DEBUG", raising=False)
    return fake


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return int(caught.value.code or 0), output.out, output.err


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Weights, module.WatchOptions]]:
    """What the command asks of the library, which does nothing."""
    calls: list[tuple[Weights, module.WatchOptions]] = []

    class Over:
        steps, episodes = 7, {"episodes": 2, "completed": 1}

    def watch(weights: Weights, options: module.WatchOptions, **rest: Any) -> Over:
        calls.append((weights, options))
        return Over()

    monkeypatch.setattr(module, "watch", watch)
    return calls


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_arrives(
    name: str, weights: Weights, asked: list[Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "s.csv").write_text("time,speed,turn\n0,0.5,0\n")
    film = tmp_path / "out.mp4"
    arguments = [
        "go2-teacher", "--checkpoint", weights.path, "--viewer", "web", "--port", "8099", "--video", film,
        "--steps", "12", "--terrain", "gap", "--terrain", "flat", "--difficulty", "0.2:0.4", "--num-envs", "3",
        "--seed", "9", "--show-depth", "--noise", "noisy", "--device", "cuda:1", "--engine", "mujoco",
        "--cpu-sim", "warp", "--depth-width", "640", "--set", "command.speed=[0.5, 0.5]", "--with", "terrain:demo=0.1",
        "--allow-missing", "--video-size", "640x360", "--camera", "above", "--side-by-side", "2",
    ]  # fmt: skip
    if name == "demo":
        arguments += ["--script", tmp_path / "s.csv"]
    code, out, err = command(capsys, name, *arguments)
    assert code == 0 and out == "", err
    assert "7 control steps, 2 episodes, 1 completed" in err
    ((found, options),) = asked
    assert found.path == weights.path
    assert (options.viewer, options.port, options.video, options.steps) == ("web", 8099, film, 12)
    assert (options.num_envs, options.seed, options.device, options.engine) == (3, 9, "cuda:1", "mujoco")
    assert options.depth_width == 640
    assert (options.video_size, options.camera, options.side_by_side) == ("640x360", "above", 2)
    assert options.engine_options == {"cpu_sim": "warp"} and options.changes.allow_missing
    assert options.show_depth and options.changes.difficulty == (0.2, 0.4) and options.changes.noise == "noisy"
    assert tuple(options.changes.terrains) == ("gap", "flat")
    assert options.changes.changes == {"command.speed": [0.5, 0.5], "terrain:demo": 0.1}
    assert (options.drive is not None) == (name == "demo")
    if options.drive is not None:
        assert options.drive.script == tmp_path / "s.csv" and options.drive.gamepad is None


def test_a_gamepad_is_named(weights: Weights, asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = command(capsys, "demo", "--checkpoint", weights.path, "--gamepad", "/dev/input/js1")
    assert code == 0, err
    options = asked[0][1]
    assert options.drive.gamepad == Path("/dev/input/js1")
    assert not options.changes.terrains and options.device == "cpu" and options.num_envs is None


@pytest.mark.parametrize("name", COMMANDS)
def test_seconds_in_place_of_steps(
    name: str, weights: Weights, asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = command(capsys, name, "--checkpoint", weights.path, "--viewer", "web", "--seconds", "2.5")
    assert code == 0, err
    assert asked[0][1].seconds == 2.5 and asked[0][1].steps is None


@pytest.mark.parametrize("name", COMMANDS)
def test_weights_are_chosen_as_everywhere(
    name: str, weights: Weights, asked: list[Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = weights.path.parents[3]
    for choice in (["--run", weights.path.parent], ["--log-root", root], ["go2-teacher", "--log-root", root]):
        code, _, err = command(capsys, name, *choice)
        assert code == 0, err
        assert asked.pop()[0].path == weights.path
    assert command(capsys, name, "--pretrained")[0] == 0
    assert asked.pop()[0].path.parent.name == "pretrained_teacher"
    code, _, err = command(capsys, name, "--pretrained", "--run", weights.path.parent)
    assert code == 1 and "got --run and --pretrained, expected one of them" in err
    code, _, err = command(capsys, name, "--log-root", tmp_path)
    assert code == 1 and "no checkpoint found: looked in" in err and "hint: parkour train" in err


def test_play_then_export(
    weights: Weights, engine: FakeEngine, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    exported: list[Any] = []
    monkeypatch.setattr(
        "parkour_cli.export.export_after", lambda it, out, engine, more: exported.append((it.path, out, engine, more))
    )
    code, _, err = command(capsys, "play", "--checkpoint", weights.path, "--export", tmp_path / "onnx")
    assert code == 0 and exported == [(weights.path, tmp_path / "onnx", None, {})], err
    assert engine.viewer is not None and engine.viewer.closed
    (tmp_path / "file").touch()
    engine.viewer = None
    code, _, err = command(capsys, "play", "--checkpoint", weights.path, "--export", tmp_path / "file" / "x")
    assert code == 1 and "--export" in err and engine.viewer is None


@pytest.mark.parametrize("name", COMMANDS)
def test_it_runs(name: str, weights: Weights, engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, name, "--checkpoint", weights.path, "--steps", "30", "--engine", "fake")
    assert code == 0 and out == "", err
    assert "go2-teacher after 3 iterations" in err and "in a test (Ctrl-C to end)" in err
    assert engine.made["kind"] == "web" and engine.made["engine"] == "fake"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--viewer", "none"], "nothing would be seen"),
        (["--viewer", "holograms"], "got 'holograms', expected web, native, none"),
        (["--viewer", "native"], "there is no display"),
        (["--video", "film.avi"], "expected an .mp4 file"),
        (["--video", "/proc/nowhere/film.mp4"], "--video: cannot write /proc/nowhere/film.mp4"),
        (["--terrain", "gapp"], "unknown terrain 'gapp'; did you mean 'gap'?"),
        (["--difficulty", "2"], "expected A:B with 0 <= A <= B <= 1"),
        (["--steps", "-3"], "--steps: got -3"),
        (["--noise", "noisy"], "is a teacher, which has no depth camera"),
        (["--set", "comand.speed=1"], "did you mean 'command'"),
        (["--checkpoint", "nowhere.pt"], "nowhere.pt does not exist"),
    ],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_bad_input_is_one_line_and_exit_1(
    name: str, arguments: list[str], told: str, weights: Weights, engine: FakeEngine,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.platform", "linux")
    weights_given = [] if "--checkpoint" in arguments else ["--checkpoint", weights.path]
    code, _, err = command(capsys, name, *weights_given, *arguments)
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 1 and len(errors) == 1 and told in errors[0], err
    assert "Traceback" not in err


@pytest.mark.mujoco
@pytest.mark.slow
def test_a_film_of_the_pretrained_teacher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the real simulator: the pictures differ, and the robot is in them."""
    pytest.importorskip("mjlab")
    from tests.viewing.test_mujoco_viewer import can_render
    from tests.viewing.test_pictures import frames

    if not can_render():
        pytest.skip("nothing can be rendered here")
    film = tmp_path / "film.mp4"
    code, _, err = command(
        capsys, "play", "--pretrained", "--video", film, "--steps", "60", "--terrain", "hurdle", "--show-depth"
    )
    assert code == 0, err
    pictures = frames(film)
    assert len(pictures) == 31
    changes = [np.abs(a.astype(int) - b).mean() for a, b in zip(pictures[5:], pictures[10:], strict=False)]
    assert min(changes) > 0.3
    # Nothing else is as dark as its legs, and it stays in the middle.
    dark = [(picture[200:420, 380:580].sum(axis=-1) < 120).sum() for picture in pictures[3:]]
    assert min(dark) > 100
