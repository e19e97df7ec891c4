"""``parkour eval``: what it prints and writes, and that it repeats itself."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from parkour.evaluation.compare import RESAMPLES
from parkour.evaluation.evaluate import EvaluationOptions, evaluate
from parkour.evaluation.protocol import TaskChanges
from parkour.evaluation.summary import met
from parkour.evaluation.tables import evaluation_tables, format_bin
from parkour.exporters import exporter
from parkour.policies import source as source_module
from parkour.policies.deployed import DeployedPolicy
from parkour.policies.source import Weights
from parkour_cli.changes import read_changes
from tests.cli.test_progress import FakeTerminal
from tests.evaluation.eval_command import SMALL, command, fails
from tests.evaluation.fakes import QUICK, write_weights

pytestmark = pytest.mark.usefixtures("gliding_engine")


def test_prints_tables_and_writes_everything(
    weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [("--json", "one.json"), ("--plots", "plots"), ("--html", "deep/report.html")]
    places = [part for option, name in out for part in (option, tmp_path / name)]
    code, printed, err = command(capsys, "go2-teacher", "--log-root", weights.path.parents[3], *SMALL, *places)
    assert code == 0, err
    for word in ("gap", "hurdle", "step", "tilt", "flat", "overall", "0.2:0.4", "length [s]", "power [W]", "±"):
        assert word in printed
    data = json.loads((tmp_path / "one.json").read_text(), parse_constant=pytest.fail)
    assert data["checkpoint"]["sha256"] == weights.digest and data["seed"] == 1 and data["device"] == "cpu"
    assert data["task"]["name"] == "go2-teacher" and data["engine"] == "tests:gliding" and data["versions"]["torch"]
    assert data["protocol"]["name"] == "course" and data["unfinished"] == 0
    assert list(data["by_terrain"]) == ["gap", "hurdle", "step", "tilt", "flat"]
    assert [part["episodes"] for part in data["by_terrain"].values()] == [2] * 5
    assert data["overall"]["episodes"] == len(data["episodes"]["success"]) == 10
    assert data["overall"]["metrics"]["success"]["mean"] == pytest.approx(np.mean(data["episodes"]["success"]))
    assert len(data["by_difficulty"]) == 5 and set(data["overall"]["rewards"]) >= {"tracking_yaw", "feet_edge"}
    for name in ("success", "way_points", "rewards"):
        picture = np.asarray(Image.open(tmp_path / "plots" / f"{name}.png").convert("L"))
        assert min(picture.shape) > 400 and picture.std() > 5.0
    page = (tmp_path / "deep" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3 and weights.digest in page
    assert "http" not in page and "<script" not in page and 'src="/' not in page


def test_a_matplotlib_that_fails_costs_no_figures(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise AttributeError("module 'IPython' has\nno attribute 'version_info'")

    monkeypatch.setattr("parkour.evaluation.plots.Figure", broken)
    said = "nothing could be drawn: AttributeError: module 'IPython' has no attribute 'version_info'"
    out = ["--json", tmp_path / "one.json", "--html", tmp_path / "report.html"]
    policy = ["--checkpoint", weights.path]
    code, _, err = command(capsys, *policy, *SMALL, *out)
    assert code == 0 and f"warning: {said}; the report has no pictures" in err
    assert json.loads((tmp_path / "one.json").read_text())["overall"]["episodes"] == 10
    page = (tmp_path / "report.html").read_text()
    assert "By terrain and difficulty" in page and "<img" not in page
    # Who asked for pictures hears it as an error, after all else is written.
    for path in ("one.json", "report.html"):
        (tmp_path / path).unlink()
    code, _, err = command(capsys, *policy, *SMALL, *out, "--plots", tmp_path / "plots")
    assert code == 1 and f"error: {said}" in err and "Traceback" not in err and "hint: " in err
    assert (tmp_path / "one.json").exists() and (tmp_path / "report.html").exists()


def test_narrow_terminals_get_whole_columns(weights: Weights) -> None:
    options = EvaluationOptions(
        num_envs=5,
        steps=50,
        device="cpu",
        changes=TaskChanges(changes=read_changes((*QUICK, "timing.episode_length=1.0"))),
    )
    result = evaluate(weights, options)
    parts = result.breakdown
    walked = {format_bin(parts.edges, number) for _, cells, _ in parts.groups() for number, _ in met(cells)}
    assert walked
    for width in (80, 100, 130, 200):
        screen = Console(width=width, record=True, file=io.StringIO())
        for table in evaluation_tables(result, width):
            screen.print(table)
        text = screen.export_text()
        assert "…" not in text and "overall" in text and all(difficulty in text for difficulty in walked), width
        assert max(map(len, text.splitlines())) <= width
        # What has no room is named, what is there is explained, and one episode has no spread.
        assert all(word in text for word in ("power [W]", "MXD: distance", "MEV: feet on edges", "95 % interval"))
        assert " ± " not in "".join(line for line in text.splitlines() if line.split()[1:2] == ["1"])


def test_same_seed_same_files(weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        folder = tmp_path / name
        drawn = [] if name == "c" else ["--html", folder / "x.html", "--plots", folder]
        code, _, _ = command(
            capsys, "--checkpoint", weights.path, *SMALL, "--seed", seed, "--json", folder / "x.json", *drawn
        )
        assert code == 0
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 5
    same = {name: (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files}
    assert all(same.values()), same
    assert (tmp_path / "a" / "x.json").read_bytes() != (tmp_path / "c" / "x.json").read_bytes()


def test_options_reach_the_task(weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.json"
    code, _, _ = command(
        capsys, "--run", weights.path.parent, "--num-envs", "8", "--steps", "10", "--device", "cpu", "--json", path,
        "--difficulty", "0.5:0.75", "--terrain", "gap", "--terrain", "demo", "--set", "course.levels=3",
        "--set", "timing.episode_length=2", "--with", "reward:dof_error=0",
    )  # fmt: skip
    data = json.loads(path.read_text())
    assert code == 0 and list(data["by_terrain"]) == ["gap", "demo"]
    assert [part["episodes"] for part in data["by_terrain"].values()] == [4, 4]
    assert set(data["episodes"]["difficulty"]) == {0.5, 0.625, 0.75}
    assert data["difficulty_bins"][0] == 0.5 and data["difficulty_bins"][-1] == 0.75
    assert data["episodes"]["speed"] == pytest.approx([0.8] * 8)
    assert "dof_error" not in data["overall"]["rewards"]
    assert data["protocol"]["episode_length"] == 2.0


def test_json_into_a_pipe(weights: Weights, capsys: pytest.CaptureFixture[str]) -> None:
    """Stdout holds the JSON and nothing else; tables are on stderr."""
    code, out, err = command(capsys, "--checkpoint", weights.path, *SMALL, "--json", "-")
    assert code == 0 and json.loads(out)["format"] == "parkour-evaluation"
    assert "way points" in err and not Path("-").exists()


def test_reference_protocol(weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.json"
    code, _, _ = command(
        capsys, "--checkpoint", weights.path, "--protocol", "reference", "--num-envs", "40", "--steps", "10",
        "--device", "cpu", "--json", path,
    )  # fmt: skip
    data = json.loads(path.read_text())
    assert code == 0 and data["protocol"] == {
        "name": "reference", "speed": [0.3, 0.8], "episode_length": 20.0, "difficulty": [0.0, 1.0],
        "blank_depth": False, "noise": None,
    }  # fmt: skip
    speeds, difficulty = np.array(data["episodes"]["speed"]), np.array(data["episodes"]["difficulty"])
    assert speeds.min() >= 0.3 and speeds.max() <= 0.8 and len(set(speeds)) == 40
    assert 10 < len(set(difficulty)) <= 25 and data["episodes_per_environment"] == 1


def test_student(student: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--checkpoint", student.path, *SMALL[2:], "--num-envs", "6", "--set", "timing.episode_length=0.2"]
    for name, extra in (("plain", []), ("blank", ["--blank-depth"]), ("noisy", ["--noise", "noisy"])):
        code, _, err = command(capsys, *arguments, *extra, "--json", tmp_path / f"{name}.json")
        assert code == 0, err
    plain, blank, noisy = (json.loads((tmp_path / f"{n}.json").read_text()) for n in ("plain", "blank", "noisy"))
    assert plain["task"]["stage"] == "student" and blank["protocol"]["blank_depth"] is True
    assert noisy["protocol"]["noise"] == "noisy" and noisy["task"]["toml"] != plain["task"]["toml"]
    # The policy acts differently when it sees something else.
    actions = [data["overall"]["rewards"]["action_rate"]["mean"] for data in (plain, blank, noisy)]
    assert len(set(actions)) == 3
    assert "unknown noise preset 'fog'" in fails(capsys, *arguments, "--noise", "fog")


def test_compare_says_what_it_does_not_make_equal(
    weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = ("control.action_delay=1", "events.push.interval=4.0", "physics.motors=kernel")
    late = write_weights(tmp_path / "late", *other, iteration=7)
    _, _, err = command(capsys, "--compare", weights.path, late.path, *SMALL)
    assert "warning: A and B keep what differs in their tasks: control.action_delay (0, 1)" in err
    assert "events.push.interval" not in err, "a protocol's own number"
    assert "physics.motors" not in err, "how fast a step is"
    assert "both alike: --set control.action_delay=VALUE" in err
    alike = ["--set", "control.action_delay=1"]
    _, _, err = command(capsys, "--compare", weights.path, late.path, *SMALL, *alike)
    assert "A and B keep" not in err


def test_compare(weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write_weights(tmp_path / "other", iteration=7, seed=9)
    path = tmp_path / "x.json"
    code, out, _ = command(
        capsys, "--compare", weights.path, other.path.parent, *SMALL, "--json", path, "--html", tmp_path / "x.html",
        "--plots", tmp_path / "plots",
    )  # fmt: skip
    assert code == 0 and "B - A" in out and "bootstrap over environments, paired" in out
    data = json.loads(path.read_text())
    assert data["paired"] is True and data["confidence"] == 0.95 and data["resamples"] == RESAMPLES
    # Both met the same courses.
    assert data["a"]["episodes"]["difficulty"] == data["b"]["episodes"]["difficulty"]
    assert data["a"]["checkpoint"]["sha256"] != data["b"]["checkpoint"]["sha256"]
    for name, row in data["overall"].items():
        assert row["difference"] == pytest.approx(row["b"] - row["a"]), name
        assert row["low"] <= row["high"]
        assert row["a"] == pytest.approx(data["a"]["overall"]["metrics"][name]["mean"]), name
    assert {p.name for p in (tmp_path / "plots").iterdir()} == {"differences.png"} | {
        f"{side}_{name}.png" for side in "ab" for name in ("success", "way_points", "rewards")
    }
    assert (tmp_path / "x.html").read_text().count("data:image/png") == 1


def test_a_comparison_fits_into_80_columns(
    weights: Weights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = command(capsys, "--compare", weights.path, weights.path, *SMALL)
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= 80 and "…" not in out
    assert "B - A" in out and "interval" in out and "power [W]" in out


def test_a_terminal_shows_how_far_it_is(weights: Weights, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = FakeTerminal()
    with redirect_stderr(terminal):
        code, out, _ = command(capsys, "--checkpoint", weights.path, *SMALL)
    assert code == 0 and "\x1b" not in out and "overall" in out
    assert "building" in terminal.getvalue() and "of 10 episodes" in terminal.getvalue()


def test_with_itself_nothing_differs(weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.json"
    code, _, _ = command(capsys, "--compare", weights.path, weights.path, *SMALL, "--json", path)
    rows = json.loads(path.read_text())["overall"].values()
    assert code == 0 and all((row["difference"], row["low"], row["high"]) == (0, 0, 0) for row in rows)


def test_export_follows(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[Path, Path, str]] = []

    def export(exported: Any, out: Path, options: Any, notify: Any) -> Any:
        seen.append((exported.path, out, options.format))
        return SimpleNamespace(files=[out / f"policy.{options.format}"], max_error=1e-6)

    monkeypatch.setattr(exporter, "export_policy", export)
    code, out, err = command(capsys, "--checkpoint", weights.path, *SMALL, "--export", tmp_path / "out")
    expected = [(weights.path, tmp_path / "out" / kind, kind) for kind in ("onnx", "jit")]
    assert code == 0 and seen == expected, err
    assert "overall" in out and "policy.onnx (max error 1e-06)" in err and "policy.jit" in err
    seen.clear()
    code, _, err = command(capsys, "--checkpoint", weights.path, *SMALL, "--export")
    beside = weights.path.parent / "exported"
    assert code == 0 and [where for _, where, _ in seen] == [beside / "onnx", beside / "jit"], err


def test_pretrained_weights_are_not_exported_into_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    error = fails(capsys, "--pretrained", *SMALL, "--export")
    assert "--export: the pretrained weights lie in no run folder" in error and "--export DIR" in error


def test_notices(weights: Weights, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--checkpoint", weights.path, *SMALL, "--set", "timing.episode_length=0.2"]
    code, _, err = command(capsys, *arguments, "--num-envs", "3")
    assert code == 0 and "3 environments on 5 terrains: some are left out" in err
    code, _, err = command(capsys, *arguments, "--num-envs", "7")
    assert code == 0 and "1 or 2 on each" in err


def test_pretrained_with_none_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(source_module, "files", lambda package: tmp_path)
    error = fails(capsys, "--pretrained")
    assert "no pretrained teacher" in error and str(tmp_path / "pretrained_teacher") in error
    assert "pretrained_student" in fails(capsys, "go2-student", "--pretrained")
    folder = tmp_path / "pretrained_teacher"
    write_weights(folder)
    code, _, err = command(capsys, "--pretrained", *SMALL)
    assert code == 0 and str(folder) in err


def test_newest_run_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "rsl_rl"
    write_weights(root / "mine" / "2026-01-01_00-00-00", iteration=50)
    newest = write_weights(root / "yours" / "2026-02-01_00-00-00", iteration=9)
    write_weights(root / "yours" / "2026-02-01_00-00-00", iteration=8)
    (root / "yours" / "2026-03-01_00-00-00").mkdir()
    code, _, err = command(capsys, "--log-root", tmp_path, *SMALL)
    assert code == 0 and str(newest.path) in err


def test_a_policy_whose_actions_are_none_fails(
    weights: Weights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(DeployedPolicy, "__call__", lambda self, obs: torch.full((len(obs), 12), float("nan")))
    code, printed, err = command(capsys, "go2-teacher", "--log-root", weights.path.parents[3], *SMALL)
    assert code == 1 and "overall" in printed
    assert "error: checkpoint" in err and "an action of the policy was NaN or infinite" in err
