"""Scaffolds of every kind and the examples: written, installed by pip, checked, and their own tests run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parkour_cli.__main__ import main
from parkour_cli.scaffold import KINDS, project_files, write_project
from tests.docs.pages import ROOT

pytestmark = pytest.mark.package

EXAMPLES = ("parkour-terrain-balance", "parkour-encoder-attention", "parkour-robot-go1")
SCAFFOLDS = {kind: f"parkour-{kind.replace('_', '-')}-fresh" for kind in KINDS}
_BUILD = """
import os, sys
from hatchling.build import build_wheel

wheels, *projects = sys.argv[1:]
for project in projects:
    os.chdir(project)
    build_wheel(wheels)
"""


def _run(command: list[str | Path], site: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PARKOUR_"))}
    # Bytecode is not written: the examples' folders stay as they are.
    environment |= {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of all projects, by distribution."""
    folder = tmp_path_factory.mktemp("projects")
    for kind, name in SCAFFOLDS.items():
        write_project(project_files(name, kind), folder / name, force=False)
    return {name: folder / name for name in SCAFFOLDS.values()} | {name: ROOT / "examples" / name for name in EXAMPLES}


@pytest.fixture(scope="module")
def site(projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip has installed them all into, as wheels that their own build backend made.

    All in one process: pip starts several for each project that it builds itself.
    """
    folder, wheels = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("wheels")
    built = _run([sys.executable, "-c", _BUILD, wheels, *projects.values()], folder, folder)
    assert built.returncode == 0, built.stderr
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    done = _run([*pip, "--target", folder, *wheels.glob("*.whl")], folder, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def reports(projects: dict[str, Path], site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``parkour plugins check`` says of each."""
    check = [sys.executable, "-m", "parkour_cli", "plugins", "check", "--no-compile", "--seeds", "4", "--json"]
    done = _run([*check, *projects], site, tmp_path_factory.mktemp("cwd"))
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] == (done.returncode == 0)
    return {report["distribution"]: report for report in found["plugins"]}


@pytest.mark.parametrize("name", [*SCAFFOLDS.values(), *EXAMPLES])
def test_every_check_passes(reports: dict[str, Any], name: str) -> None:
    report = reports[name]
    parts = (report, *report["components"])
    assert [check for part in parts for check in part["checks"] if check["status"] == "failed"] == []
    assert report["version"] == "0.1.0" and report["source"] == ""
    assert report["ok"] and report["components"]
    kinds = {part["kind"] for part in report["components"]}
    assert {kind for kind, scaffold in SCAFFOLDS.items() if scaffold == name} <= kinds


def test_their_own_tests_pass(projects: dict[str, Path], site: Path, tmp_path: Path) -> None:
    tests = [folder / "tests" for folder in projects.values()]
    pytest_ = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider"]
    done = _run([*pytest_, "--rootdir", tmp_path, "--basetemp", tmp_path / "t", *tests], site, tmp_path)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert " passed" in done.stdout and "failed" not in done.stdout


def test_an_installed_example_trains_on_the_simulator(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mjlab")
    train = ["train", "balance-teacher", "--num-envs", "4", "--iterations", "1", "--device", "cpu", "--logger", "none"]
    sets = ["policy.params.scan_encoder=scan_attention", "course.levels=1", "algorithm.steps_per_env=4"]
    options = [word for value in sets for word in ("--set", value)]
    done = _run([sys.executable, "-m", "parkour_cli", *train, *options], site, tmp_path)
    assert done.returncode == 0, done.stderr
    checkpoint = tmp_path / done.stdout.strip().splitlines()[-1]
    assert checkpoint.is_file()
    _is_told_when_it_is_gone(checkpoint, capsys)


def test_an_installed_robot_trains_is_exported_and_runs(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mjlab")
    parkour = [sys.executable, "-m", "parkour_cli"]
    sets = ["course.levels=1", "algorithm.steps_per_env=4"]
    few = ["--num-envs", "4", "--iterations", "2", "--device", "cpu", "--logger", "none"]
    options = [*few, *(word for value in sets for word in ("--set", value))]
    done = _run([*parkour, "train", "go1-teacher", *options], site, tmp_path)
    assert done.returncode == 0, done.stderr
    run, export = (tmp_path / done.stdout.strip().splitlines()[-1]).parent, tmp_path / "go1"
    done = _run([*parkour, "export", "onnx", "--run", run, "--out", export], site, tmp_path)
    assert done.returncode == 0, done.stderr
    sim2sim = [*parkour, "sim2sim", export, "--terrain", "flat", "--episodes", "1", "--seconds", "0.4", "--json", "-"]
    done = _run(sim2sim, site, tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["overall"]["episodes"] == 1
    # The Go2's teacher is no teacher of a Go1.
    student = ["train", "--stage", "student", "--pretrained", "--set", "robot=go1", *few]
    done = _run([*parkour, *student], site, tmp_path)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1
    assert "was trained under robot parkour-lab:go2 " in line
    assert ", the task has parkour-robot-go1:go1 0.1.0: its inputs or outputs would mean something else" in line
    # Here the plugin is not installed.
    gone = "robot 'go1' comes from the plugin parkour-robot-go1"
    for command, version in (
        (["eval", "--run", str(run), "--device", "cpu"], " 0.1.0"),
        (["sim2sim", str(export)], ""),
    ):
        with pytest.raises(SystemExit) as stop:
            main(command)
        assert stop.value.code == 1
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert f"{gone}{version}, which is not installed" in line


def _is_told_when_it_is_gone(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Here, without the plugins, evaluation and resumption say what is missing, in a line."""
    run = ["--run", str(checkpoint.parent), "--device", "cpu"]
    for command in (["eval", *run], ["train", "--resume", *run]):
        with pytest.raises(SystemExit) as stop:
            main(command)
        assert stop.value.code == 1
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert "comes from the plugin parkour-terrain-balance 0.1.0, which is not installed" in line
