"""Options of other commands that no other test of theirs gives: each reaches what does the work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parkour.engines.benchmark import StepRate
from parkour.errors import ParkourError
from parkour.policies.source import weights_at
from parkour_cli.__main__ import main
from tests.evaluation.fakes import write_weights


class ReachedError(ParkourError):
    """Ends a command where the work would begin."""


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    output = capsys.readouterr()
    return code, output.out, output.err


class Catch:
    """Takes a function's place and remembers what it was given."""

    def __init__(self) -> None:
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.args, self.kwargs = args, kwargs
        raise ReachedError("reached")


@pytest.fixture
def caught() -> Catch:
    return Catch()


def test_train(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caught: Catch) -> None:
    monkeypatch.setattr("parkour_cli.train._train", caught)
    command(
        capsys, "train", "--stage", "student", "--pretrained", "--time-limit", "2.5", "--video", "--cpu-sim", "warp",
        "--overlay", "fast", "--noise", "noisy", "--with", "terrain:demo=0.3", "--git-state",
    )  # fmt: skip
    task, options, _ = caught.args
    assert task.overlay == "train+fast+noisy" and task.model.algorithm.params["mini_batches"] == 16
    assert options.checkpoint.parent.name == "pretrained_teacher"
    assert options.time_limit == 2.5 and options.video and options.git_state
    assert options.engine_options == {"cpu_sim": "warp"}
    assert task.model.terrains["demo"].share == 0.3
    assert set(task.modifiers["depth"]) >= {"blind_zone", "dropped_frames"}


def test_eval(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caught: Catch, tmp_path: Path
) -> None:
    monkeypatch.setattr("parkour_cli.eval._one", caught)
    command(capsys, "eval", "--checkpoint", write_weights(tmp_path).path, "--cpu-sim", "warp", "--physics", "newton")
    assert caught.args[1].engine_options == {"cpu_sim": "warp", "physics": "newton"}


def test_bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []

    def measure(task: Any, engine: Any, **options: Any) -> StepRate:
        asked.append({"task": task, **options})
        return StepRate(options["num_envs"], 10.0, 20.0, 0.5, 1.0, 0.5, 0.1, None, None, {"rewards": 1.0})

    monkeypatch.setattr("parkour.engines.benchmark.measure_step", measure)
    out = tmp_path / "rates.json"
    code, printed, err = command(
        capsys, "bench", "env", "go2-teacher", "--num-envs", "3", "--num-envs", "5", "--steps", "7", "--device", "cpu",
        "--engine", "mujoco", "--cpu-sim", "warp", "--seed", "9", "--profile", "--out", out,
        "--set", "course.levels=3", "--with", "terrain:demo=0.3",
    )  # fmt: skip
    assert code == 0, err
    assert [call["num_envs"] for call in asked] == [3, 5]
    first = asked[0]
    assert (first["steps"], first["device"], first["seed"], first["profile"]) == (7, "cpu", 9, True)
    assert first["engine_options"] == {"cpu_sim": "warp"}
    assert first["task"].model.course.levels == 3 and first["task"].model.terrains["demo"].share == 0.3
    assert "rewards" in printed and len(json.loads(out.read_text())["rates"]) == 2
    code, printed, _ = command(capsys, "bench", "env", "--num-envs", "3", "--device", "cpu", "--json")
    assert code == 0 and json.loads(printed)["rates"][0]["num_envs"] == 3
    assert command(capsys, "bench", "env", "--num-envs", "3", "-o", tmp_path)[0] == 1


@pytest.mark.mujoco
def test_sim2sim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caught: Catch) -> None:
    pytest.importorskip("mujoco")
    monkeypatch.setattr("parkour_mujoco.sim2sim.run.run_export", caught)
    command(capsys, "sim2sim", "folder", "--seed", "7", "--friction", "0.8")
    assert str(caught.args[0]) == "folder" and caught.args[1].seed == 7 and caught.args[1].friction == 0.8


def test_terrains_preview(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caught: Catch) -> None:
    monkeypatch.setattr("parkour_cli.terrains._scenes", caught)
    changes = ["--set", "terrains.gap.params.obstacles=2", "--set", "course.cell=0.1"]
    command(capsys, "terrains", "preview", "gap", "--difficulty", "0.3", "--seed", "7", *changes)
    assert caught.args == ("gap", [0.3], 7, {"course": {"cell": 0.1}, "gap": {"obstacles": 2}})


@pytest.mark.parametrize("name", ["onnx", "jit"])
def test_export(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caught: Catch, tmp_path: Path
) -> None:
    monkeypatch.setattr("parkour.exporters.exporter.export_policy", caught)
    path = write_weights(tmp_path).path
    command(
        capsys, "export", name, "--checkpoint", path, "-o", tmp_path, "--engine", "mujoco", "--cpu-sim", "warp",
        "--set", "command.speed=[0.5, 0.5]",
    )  # fmt: skip
    options = caught.args[2]
    assert (options.format, options.engine, options.engine_options) == (name, "mujoco", {"cpu_sim": "warp"})
    assert options.changes == {"command.speed": [0.5, 0.5]}


def test_export_weights(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "rsl_rl" / "go2-teacher" / "2026-01-01_00-00-00")
    small = tmp_path / "small.pt"
    for choice in (["--checkpoint", weights.path], ["--run", weights.path.parent], ["--log-root", tmp_path]):
        code, out, err = command(capsys, "export", "weights", *choice, "-o", small, "--half")
        assert code == 0 and out.strip() == str(small), err
        loaded = weights_at(small)
        assert loaded.checkpoint.iteration == weights.checkpoint.iteration
        assert small.stat().st_size < weights.path.stat().st_size
        small.unlink()
    code, _, err = command(capsys, "export", "weights", "--pretrained", "--out", small)
    assert code == 0 and weights_at(small).checkpoint.stamp.stage == "teacher", err
    code, _, err = command(capsys, "export", "weights", "--checkpoint", small, "--out", small)
    assert code == 1 and "is the checkpoint itself" in err
    deep = tmp_path / "a" / "b" / "small.pt"
    code, _, err = command(capsys, "export", "weights", "--pretrained", "--out", deep)
    assert code == 0 and deep.is_file(), err
    code, _, err = command(capsys, "export", "weights", "--pretrained", "--out", small / "x.pt")
    assert code == 1 and f"--out: cannot write {small}: " in err
    code, _, err = command(capsys, "export", "weights", "--pretrained", "--out", tmp_path)
    assert code == 1 and "hint: free some space, or name another --out FILE" in err


def test_assets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    fetched, listed = Catch(), Catch()
    monkeypatch.setattr("parkour_isaaclab.mirror.fetch", fetched)
    command(capsys, "assets", "fetch", "--folder", tmp_path, "--force", "--source", "https://a.example/", "--root", "b")
    assert fetched.args == (tmp_path,) and fetched.kwargs["force"] is True
    assert (fetched.kwargs["source"], fetched.kwargs["root"]) == ("https://a.example", "b")
    monkeypatch.setattr("parkour_isaaclab.mirror.verify", listed)
    command(capsys, "assets", "list", "--folder", tmp_path, "--check", "--json")
    assert listed.args == (tmp_path,)


def test_plugins_new_names_the_component(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = command(
        capsys, "plugins", "new", "parkour-terrain-logs", "--kind", "terrain", "--component", "rolling_logs", "--out",
        tmp_path,
    )  # fmt: skip
    assert code == 0, err
    sources = [path.read_text() for path in (tmp_path / "parkour-terrain-logs").rglob("*.py")]
    assert any('"rolling_logs"' in source for source in sources)


def test_plugins_list_timing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "plugins", "list", "--timing", "--json")
    assert code == 0, err
    assert "parkour-lab" in out and json.loads(out)


def test_plugins_check_without_compiling(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caught: Catch
) -> None:
    monkeypatch.setattr("parkour.testing.separate_process.check_separately", caught)
    command(capsys, "plugins", "check", "parkour-lab", "--no-compile", "--seeds", "4")
    assert caught.kwargs["compile"] is False and caught.kwargs["seeds"] == 4
