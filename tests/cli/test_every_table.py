"""Every table of every command at 80 columns: who prints one is listed here, beside what tries it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parkour.engines.benchmark import StepRate
from parkour.learning.run_folder import make_run_folder
from parkour_cli.__main__ import main
from parkour_cli.bench import _print_rates
from parkour_cli.export import _report
from tests.cli.test_runs_compare import write_run
from tests.learning.runs import options, run

NARROW = 80
ROOT = Path(__file__).resolve().parents[2]
PRINTERS = {"print_table", "print_figures"}
TRIED = {
    "parkour_cli/bench.py": "test_bench",
    "parkour_cli/export.py": "test_export",
    "parkour_cli/runs.py": "test_runs",
    "parkour_cli/runs_compare.py": "test_runs",
    "parkour_cli/eval_all.py": "tests/evaluation/test_curve.py",
    "parkour_cli/doctor.py": "tests/cli/test_terminal.py",
    "parkour_cli/tasks.py": "tests/cli/test_terminal.py",
    "parkour_cli/plugins/listing.py": "tests/cli/test_terminal.py",
    "plugins/engines/parkour_isaaclab/commands.py": "test_assets",
    "plugins/engines/parkour_mujoco/commands.py": "test_sim2sim",
}
"""Modules that print tables, and what tries them."""
RICH = {
    "parkour/evaluation/tables.py": "tests/evaluation/test_eval_command.py",
    "parkour/evaluation/gauntlet_report.py": "tests/evaluation/test_gauntlet.py",
    "parkour/learning/progress.py": "tests/cli/test_terminal.py",
}
"""Those that draw tables with Rich."""


def test_no_table_is_forgotten() -> None:
    """Whoever prints a new one finds this, and adds a test."""
    printing, drawing = set(), set()
    for folder in ("parkour", "parkour_cli", "plugins", "deploy"):
        for path in (ROOT / folder).rglob("*.py"):
            if "templates" in path.parts or "parkour/commands" in str(path):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                where = str(path.relative_to(ROOT))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PRINTERS:
                    printing.add(where)
                if isinstance(node, ast.ImportFrom) and node.module == "rich.table":
                    drawing.add(where)
    assert printing == TRIED.keys() and drawing == RICH.keys()
    for place in (*TRIED.values(), *RICH.values()):
        assert place in globals() or "80" in (ROOT / place).read_text(), f"{place} tries no 80 columns"


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What was printed since the last call, which has to fit; all of ``words`` whole."""
    monkeypatch.setenv("COLUMNS", str(NARROW))

    def check(*words: str) -> str:
        out = capsys.readouterr().out
        assert out and [line for line in out.splitlines() if len(line) > NARROW and len(line.split()) > 1] == []
        assert "…" not in out and [word for word in words if word not in out.split()] == []
        return out

    return check


def call(*args: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(arg) for arg in args])
    assert not ended.value.code


def test_bench(fits: Callable[..., str]) -> None:
    rate = StepRate(
        num_envs=16384, environment=1234567.0, physics=2345678.0, ratio=0.526, environment_ms=13.27, physics_ms=6.98,
        build_s=123.4, memory_gib=23.4, images=246913.0, phases_ms={"observations of the whole field": 1.234, "x": 2.0},
    )  # fmt: skip
    _print_rates("go2-student on NVIDIA H100 80GB HBM3, torch 2.9.0+cu130", [rate, rate])
    fits("1,234,567", "2,345,678", "246,913", "steps/s", "physics/s", "images/s", "16384")


def test_export(fits: Callable[..., str]) -> None:
    parity = SimpleNamespace(inputs="recorded", batch=64, steps=500, max_error=1.234e-6)
    result: Any = SimpleNamespace(
        parities=[parity] * 2, files=["exported/" + "a-long-name/" * 8 + "policy.onnx"], max_error=1e-6
    )
    _report(result, as_json=False)
    fits("recorded", "1.2e-06", result.files[0])


def test_sim2sim(fits: Callable[..., str]) -> None:
    pytest.importorskip("mujoco")
    from parkour_mujoco.commands import _tables
    from parkour_mujoco.sim2sim.report import METRICS

    part = {"episodes": 20, "metrics": {key: {"mean": 123.456, "std": 12.345} for key in METRICS}}
    terrains = ("gap", "hurdle", "step", "tilt", "flat", "demo", "crawl")
    change = {key: {"difference": -0.123, "there": 123.456} for key in METRICS}
    compared = {"overall": change, "by_terrain": dict.fromkeys(terrains, change)}
    _tables({
        "task": "go2-student", "simulator": "MuJoCo 3.9", "overall": part, "by_terrain": dict.fromkeys(terrains, part),
        "compared_with": "mujoco", "comparison": compared,
    })  # fmt: skip
    out = fits(*terrains, "all")
    assert all(title in out for title in METRICS.values())


def test_assets(fits: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parkour_isaaclab import commands, mirror

    path = "Isaac/IsaacLab/Robots/Unitree/Go2/configuration/" + "deep/" * 8 + "go2.usd"
    monkeypatch.setattr(
        mirror,
        "read_listing",
        lambda place: [SimpleNamespace(path=path, size=2_000_000, sha256="0" * 64, state="whole")],
    )
    commands.list_assets(tmp_path / "mirror")
    fits(path, "2.0", "MB", "whole")


def test_runs(fits: Callable[..., str], tmp_path: Path) -> None:
    done = run(tmp_path, iterations=12, save_interval=1, keep=0, run_name="a-run-with-quite-a-long-name")
    call("runs", "list", "--log-root", tmp_path)
    fits(str(done.run))
    call("runs", "prune", "--log-root", tmp_path, "--keep", "1")
    fits(str(done.run))
    two = [write_run(tmp_path / name / "run", 1.0) for name in ("a-long-name-of-an-experiment", "b")]
    call("runs", "compare", *two, "--out", tmp_path / "curves.png")
    fits("a-long-name-of-an-experiment/run")
    make_run_folder(options(tmp_path), "go2-teacher")
    call("runs", "list", "--log-root", tmp_path)
    fits(str(done.run))
