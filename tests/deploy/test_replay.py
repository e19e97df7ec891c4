"""What was logged, through the export again."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mujoco")

from parkour.policies.source import PolicySource, load_weights
from parkour.policies.task import task_of
from parkour_deploy.__main__ import main
from parkour_deploy.contract import read_contract
from parkour_deploy.log import read_log
from parkour_mujoco.fake_go2.operator import Script
from parkour_mujoco.fake_go2.options import FakeOptions
from tests.deploy.harness import Ride, ride

pytestmark = pytest.mark.mujoco


class LateResult:
    """Of a graph in the background, which is there at the second look."""

    def __init__(self, value: Any) -> None:
        self._value, self._looks = value, 0

    def done(self) -> bool:
        self._looks += 1
        return self._looks > 1

    def result(self) -> Any:
        return self._value

    def exception(self) -> None:
        return None


class LateWorker:
    """A background that is late by a control step, on any machine at any load."""

    def submit(self, work: Any, *arguments: Any) -> LateResult:
        return LateResult(work(*arguments))


@pytest.fixture(scope="module")
def walked(shipped: dict[str, Path]) -> Ride:
    """The student, a second of walking, looking at every fifth step in the background as on a robot."""
    fake = FakeOptions("demo", 0.3, seconds=3.6, script=Script(policy=2.6))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("parkour_deploy.policy._worker", LateWorker)
        return ride(shipped["student"], fake, control={"lockstep": False})


@pytest.fixture(scope="module")
def log(walked: Ride, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return walked.log.write(tmp_path_factory.mktemp("log") / "log.npz", walked.report.summary())


def test_outputs_are_equal(shipped: dict[str, Path], log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(log), str(shipped["student"]), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["equal"] and found["worst"] == 0.0
    assert found["steps"] >= 45 and found["episodes"] == 1
    # Results of the background came in late, and were used as late again.
    steps = read_log(log).steps
    assert steps["adopted"].sum() >= 8
    assert not steps["adopted"][0]


def test_a_reading_that_was_changed_shows(shipped: dict[str, Path], log: Path, tmp_path: Path) -> None:
    with np.load(log) as data:
        arrays = dict(data)
    arrays["step.joint_pos"][20:, 3] += 0.05
    np.savez(tmp_path / "changed.npz", **arrays)  # pyright: ignore[reportArgumentType]
    assert main(["replay", str(tmp_path / "changed.npz"), str(shipped["student"])]) == 1


def test_another_exports_log(shipped: dict[str, Path], log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(log), str(shipped["teacher"])]) == 1
    assert "is of another export: its hash begins with" in capsys.readouterr().err


def test_what_is_logged(log: Path, shipped: dict[str, Path]) -> None:
    found = read_log(log)
    assert found.head["export"] == read_contract(shipped["student"]).sha256
    assert found.head["versions"]["numpy"] == np.__version__
    assert found.head["report"]["fault"] is None
    assert {"torque", "temperature", "latency_ms", "target", "mode"} <= set(found.states)
    assert len(found.pictures) == (found.steps["picture"] >= 0).sum() == len(found.picture_ticks)


def test_plots(log: Path, shipped: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert main(["replay", str(log), str(shipped["student"]), "--plots", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latency.png", "temperature.png", "torque.png"]


def test_mcap(log: Path, tmp_path: Path) -> None:
    pytest.importorskip("mcap")
    from mcap.reader import make_reader

    from parkour_deploy.mcap_log import write_mcap

    with write_mcap(log, tmp_path / "log.mcap").open("rb") as file:
        read = list(make_reader(file).iter_messages(topics=["/parkour/step"]))
    steps = [json.loads(message.data) for _, _, message in read]
    assert len(steps) == len(read_log(log).steps["tick"])
    assert len(steps[0]["action"]) == 12


def test_pictures_of_a_log_as_a_camera(log: Path, shipped: dict[str, Path]) -> None:
    from parkour_deploy.depth.recording import RecordedDepth
    from parkour_deploy.depth.source import SourceContext

    camera = read_contract(shipped["student"]).camera
    assert camera is not None
    source = RecordedDepth(SourceContext(camera=camera, interface="lo", argument=str(log)))
    source.open()
    picture = source.newest()
    assert picture is not None and np.array_equal(picture.depth, read_log(log).pictures[0])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"text"])
def test_what_is_no_log(
    tmp_path: Path, content: bytes, shipped: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    assert main(["replay", str(path), str(shipped["teacher"])]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: ") and "is no log of parkour deploy" in lines[0]


def change(folder: Path, out: Path, edit: str, by: str) -> Path:
    """An export with an edit that its hash does not know of."""
    shutil.copytree(folder, out)
    text = (out / "deploy.toml").read_text()
    assert edit in text
    (out / "deploy.toml").write_text(text.replace(edit, by))
    return out


def test_an_edited_export(shipped: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = change(shipped["teacher"], tmp_path / "x", "action_scale = 0.25", "action_scale = 0.5")
    assert main(["run", str(folder), "--interface", "lo", "--foot-thresholds", "1,1,1,1"]) == 1
    assert "deploy.toml was edited: its hash is not the one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--foot-thresholds", "1,2"], "foot thresholds: got [1.0, 2.0], expected 4 numbers"),
        (["--foot-thresholds", "a"], "--foot-thresholds: got 'a', expected A,B,C,D"),
        ([], "nothing says when a foot is down"),
        (["--calibration", "/nowhere.json"], "--calibration /nowhere.json: No such file"),
        (["--foot-thresholds", "1,1,1,1"], "the policy reads a height scan, which a robot does not have"),
        (["--foot-thresholds", "1,1,1,1", "--flat", "--speed", "9"], "--speed: got 9, expected 0 to 1.2"),
        (["--foot-thresholds", "1,1,1,1", "--flat", "--link", "go3"], "unknown robot link 'go3'; did you mean 'go2'?"),
        # Before the robot moves: what was driven would be lost.
        (["--foot-thresholds", "1,1,1,1", "--log", "/dev/null/log.npz"], "--log: cannot write /dev/null/log.npz"),
        (["--foot-thresholds", "1,1,1,1", "--mcap", "/"], "--mcap: cannot write /: it is a folder"),
    ],
)
def test_bad_options_are_one_line(
    shipped: dict[str, Path], options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(shipped["teacher"]), "--interface", "lo", *options]) == 1
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) <= 2
    assert err.startswith("error: ") and said in err


@pytest.mark.parametrize("option", ["--seconds", "--stale", "--patience"])
@pytest.mark.parametrize("value", ["-1", "0", "nan", "soon"])
def test_times_are_above_0(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "export", "--interface", "lo", f"{option}={value}"])
    assert stop.value.code == 2
    first, hint = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: argument {option}: got '{value}', expected a ") and first.endswith("above 0")
    assert hint.endswith("deploy run -h")


def test_a_student_needs_a_camera(shipped: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(shipped["student"]), "--interface", "lo", "--foot-thresholds", "1,1,1,1"]) == 1
    assert "the policy reads a depth camera" in capsys.readouterr().err


def test_the_export_says_what_it_withstands(shipped: dict[str, Path]) -> None:
    data = tomllib.loads((shipped["student"] / "deploy.toml").read_text())
    trained = task_of(load_weights(PolicySource(task="go2-student", pretrained=True)))
    control, timing = trained.model.control, trained.model.timing
    delays = control.action_delay if isinstance(control.action_delay, tuple) else (control.action_delay,) * 2
    found = data["withstands"]
    assert found["events"]["friction"]["params"]["range"] == list(trained.events["friction"].kwargs["range"])
    assert found["action_delay"] == pytest.approx([steps * trained.model.step_dt for steps in delays])
    latency = trained.observations["depth"].kwargs["latency"]
    frames = latency if isinstance(latency, tuple) else (latency, latency)
    every = timing.perception_period * trained.model.step_dt
    assert found["depth_delay"] == pytest.approx([count * every for count in frames])
    assert set(found["faults"]) == {group for group, parts in trained.modifiers.items() if parts}
    fields = [field for group in data["observation"]["groups"] for field in group["fields"]]
    assert all(field["unit"] for field in fields)
    for path, unit in data["units"].items():
        table, *keys = path.split(".")
        value = data[table]
        for key in keys:
            value = (value[0] if isinstance(value, list) else value)[key]
        assert unit, path


@pytest.mark.parametrize(
    "table", ["rates", "timing", "physics", "control", "command", "goals", "heading", "camera", "course"]
)
def test_every_number_of_the_task_has_a_unit(shipped: dict[str, Path], table: str) -> None:
    data = tomllib.loads((shipped["student"] / "deploy.toml").read_text())
    firsts = {key: value[0] if isinstance(value, list) else value for key, value in data[table].items()}
    numbers = {f"{table}.{key}" for key, first in firsts.items() if type(first) in (int, float)}
    assert numbers and numbers <= set(data["units"])
