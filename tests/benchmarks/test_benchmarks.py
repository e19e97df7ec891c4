"""The benchmark's own machinery: what fails is recorded and the rest goes on; tables come from the JSON alone."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "results" / "performance.md"
sys.path.append(str(ROOT / "benchmarks"))  # scripts find their neighbours there


def module(name: str) -> ModuleType:
    """A script of the folder ``benchmarks``."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


run, report, measure = module("run"), module("report"), module("measure")

WORKER = """
import json, sys, time
from pathlib import Path
kind, out, *pairs = sys.argv[1:]
if kind == "crash":
    sys.exit("no [wheels] here")
if kind == "sleep":
    time.sleep(60)
Path(out).write_text(json.dumps({"num_envs": 4, "given": pairs}))
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A measure.py that works, fails or hangs; returns where results go."""
    (tmp_path / "measure.py").write_text(WORKER)
    monkeypatch.setattr(run, "HERE", tmp_path)
    return tmp_path / "results.json"


def measurement(name: str, kind: str, **more: Any) -> Any:
    return run.Measurement(name, kind, more.pop("arguments", {}), least=0.0, **more)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "gpu"], "got device 'gpu'"),
        (["--minutes", "nan"], "--minutes: got nan, expected more than 0"),
        (["--minutes", "0"], "--minutes: got 0"),
        (["--out", "{file}/x.json"], "--out: cannot write"),
        (["--plot", "{file}/x.png"], "--plot: cannot write"),
        (["--only", "enviroment"], "--only: got 'enviroment', expected the beginning of one of environment@"),
    ],
)
def test_bad_options_are_one_line_and_nothing_is_written(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    machine = {"status": "ok", "row": {"gpus": [], "isaaclab": []}}
    monkeypatch.setattr(run, "_measure", lambda wanted, limit: machine)
    given = [text.format(file=tmp_path / "file") for text in arguments]
    monkeypatch.setattr(sys, "argv", ["run.py", "--device", "cpu", *given])
    assert run.main() == 1
    out, err = capsys.readouterr()
    (line,) = (out + err).strip().splitlines()
    assert line.startswith("error: ") and said in line
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_each_result_is_written_and_failures_cost_themselves_alone(worker: Path) -> None:
    results: dict[str, Any] = {"measurements": {}}
    wanted = [
        measurement("broken", "crash"),
        measurement("hanging", "sleep", limit=1.5),
        measurement("good", "fine", arguments={"device": "cpu", "num_envs": 4}),
    ]
    run.run(wanted, results, worker, seconds=60)
    written = json.loads(worker.read_text())["measurements"]
    assert [item["status"] for item in written.values()] == ["failed", "out of time", "ok"]
    assert "no [wheels] here" in written["broken"]["error"] and "exit status 1" in written["broken"]["error"]
    assert written["good"]["row"] == {"num_envs": 4, "given": ["device=cpu", "num_envs=4"]}
    assert written["good"]["others"] is None or 0 <= written["good"]["others"] <= 1


def test_nothing_begins_that_does_not_fit(worker: Path) -> None:
    results: dict[str, Any] = {"measurements": {}}
    run.run([run.Measurement("late", "fine", least=30.0)], results, worker, seconds=10)
    assert results["measurements"]["late"]["status"] == "skipped"


@pytest.mark.parametrize(("device", "gpus"), [("cpu", 0), ("cuda:0", 1), ("cuda:0", 2)])
@pytest.mark.parametrize("quick", [True, False])
def test_plans_name_each_measurement_once(device: str, gpus: int, quick: bool) -> None:
    plan = run.plan(device, gpus, quick)
    names = [item.name for item in plan]
    assert len(set(names)) == len(names)
    assert all(item.kind in measure.KINDS for item in plan)
    assert ("teacher, 2 GPUs" in names) == (gpus == 2)
    sizes = {item.arguments["num_envs"] for item in plan if item.kind == "environment"}
    if device != "cpu":
        assert 8192 in sizes and (quick or {256, 1024, 4096, 16384} <= sizes)


def test_isaac_lab_is_measured_where_it_is_installed_and_success_last() -> None:
    names = [item.name for item in run.plan("cuda:0", 1, False, ("newton", "ovphysx"))]
    assert names[-3:] == ["newton@8192", "ovphysx@8192", "time to success"]
    assert not {"newton@8192", "time to success"} & {item.name for item in run.plan("cuda:0", 1, True)}
    assert "newton@8192" in [item.name for item in run.plan("cuda:0", 1, True, ("newton",))]


def test_minutes_are_those_of_the_first_checkpoint_that_succeeds() -> None:
    curve = [(0.5, 0.1), (1.0, 0.85), (1.5, 0.79), (2.0, 0.9), (3.0, 0.94)]
    assert measure.minutes_to(curve) == {"0.80": 1.0, "0.90": 2.0, "0.95": None}


def test_time_to_success_is_trained_and_scored_by_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    def parkour(arguments: list[str]) -> float:
        if arguments[0] == "train":
            folder = Path(arguments[arguments.index("--log-root") + 1]) / "rsl_rl" / "go2-teacher" / "now"
            folder.mkdir(parents=True)
            lines = [{"iteration": i, "seconds": 30.0 * i} for i in (1, 2, 3)]
            (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        else:
            assert Path(arguments[arguments.index("--run") + 1], "metrics.jsonl").exists() and "--all" in arguments
            points = [
                {"checkpoint": {"iteration": i}, "overall": {"metrics": {"success": {"mean": s}}}}
                for i, s in ((2, 0.82), (3, 0.97))
            ]
            Path(arguments[arguments.index("--json") + 1]).write_text(json.dumps({"points": points}))
        return 1.0

    monkeypatch.setattr(measure, "_parkour", parkour)
    row = measure.time_to_success("cpu", num_envs=4, minutes=1, save_interval=1, courses=5)
    assert row["curve"] == [(1.0, 0.82), (1.5, 0.97)]
    assert row["minutes_to"] == {"0.80": 1.0, "0.90": 1.5, "0.95": 1.5}


def test_one_real_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the processor's time of this process: in that of the wall, what others do weighs more than four steps."""
    pytest.importorskip("mjlab")
    monkeypatch.setattr("parkour.engines.benchmark.time", SimpleNamespace(perf_counter=time.process_time))
    row = measure.environment("cpu", num_envs=2, steps=4)
    assert row["num_envs"] == 2 and row["decimation"] == 4
    assert 0 < row["environment"] < row["physics"]
    assert row["ratio"] == pytest.approx(row["environment"] / row["physics"])
    json.dumps(row)


def row(num_envs: int, environment: float, physics: float) -> dict[str, Any]:
    return {
        "num_envs": num_envs, "environment": environment, "physics": physics, "ratio": environment / physics,
        "environment_ms": 1.0, "physics_ms": 0.5, "memory_gib": None, "host_memory_gib": 1.25, "decimation": 4,
        "build_s": 2.0,
    }  # fmt: skip


@pytest.fixture
def results() -> dict[str, Any]:
    def entry(kind: str, got: dict[str, Any]) -> dict[str, Any]:
        return {"kind": kind, "status": "ok", "others": 0.0, "row": got}

    training = {
        "num_envs": 8, "gpus": 1, "steps_per_second": 1234.0, "collection_s": 0.75, "learning_s": 0.25,
        "learning_share": 0.25,
    }  # fmt: skip
    success = {"num_envs": 8, "courses": 320, "curve": [], "minutes_to": {"0.80": 1.25, "0.95": None}}
    evaluation = {"num_envs": 64, "protocol": "reference", "steps": 1000, "command_s": [30.04, 20.0]}
    return {
        "started": "2026-01-31T12:00:00+00:00",
        "machine": {"gpus": [], "cores": 2, "cpu": "x86", "memory_gib": 8, "versions": {"torch": "2.9"}},
        "measurements": {
            "environment@64": entry("environment", row(64, 3000.0, 6000.0)),
            "environment@16": entry("environment", row(16, 1000.0, 4000.0)),
            "peer@64": entry("peer", row(64, 200.0, 400.0) | {"decimation": 2}),
            "MuJoCo Warp@64": entry("environment", row(64, 600.0, 700.0)),
            "teacher": entry("training", training),
            "evaluation@reference": {**entry("evaluation", evaluation), "others": 0.3},
            "newton@64": entry("environment", row(64, 500.0, 900.0)),
            "time to success": entry("time_to_success", success),
            "student": {"kind": "training", "status": "failed", "error": "no"},
        },
    }


def test_tables_say_what_was_measured(results: dict[str, Any]) -> None:
    text = report.tables(results)
    lines = text.splitlines()
    assert "2 cores of x86, 8 GiB; torch 2.9; 2026-01-31." in lines
    # By size; compared per physics step, of which the peer takes half as many here.
    steps = [line for line in lines if line.startswith(("| 16 |", "| 64 |"))]
    assert steps[0].startswith("| 16 | 1,000 | 4,000 | 0.25 |")
    assert steps[1] == "| 64 | 3,000 | 6,000 | 0.50 | 1.00 | 0.50 | 200 | 0.50 | 30.00 | 1.2 |"
    assert steps[2].startswith("| 64 | 3,000 | 600 | 5.0 |")
    assert "| teacher | 8 |  | 1,234 | 0.750 | 0.250 | 25% |" in lines
    assert "| newton | 64 | 500 | 1.00 |" in lines
    assert "| environments | courses | minutes to 0.80 | minutes to 0.95 |" in lines
    assert "| 8 | 320 | 1.2 | not reached |" in lines
    assert "| reference | 64 | 1,000 | 30.0 | 20.0 |" in lines
    assert "Not measured: student (failed)." in lines
    assert "Measured while other programs used the CPUs too: evaluation@reference: 30%." in lines


def test_plot_and_page(results: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here.json").write_text(json.dumps(results))
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table here.json -->\nold\n<!-- end -->\nafter\n")
    monkeypatch.setattr(sys, "argv", ["report.py", str(page)])
    assert report.main() == 0
    text = page.read_text()
    assert text.startswith("before\n<!-- table here.json -->\n2 cores") and "old" not in text
    assert text.endswith("<!-- end -->\nafter\n")
    assert (tmp_path / "here.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "here.json").unlink()
    assert report.main() == 1


def test_the_page_is_what_the_files_beside_it_say() -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = list(report._BLOCK.finditer(text))
    assert found
    for match in found:
        data = json.loads((PAGE.parent / f"{match['name']}.json").read_text())
        assert match[0] == f"{match[1]}{report.tables(data)}{match[3]}"
