"""Every door: scaffold, install, check, and a command that uses what came through it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parkour.policies.source import Weights
from parkour_cli.__main__ import main
from tests.doors.conftest import KINDS, NAME
from tests.evaluation.conftest import gliding_engine as gliding_engine
from tests.evaluation.conftest import weights as weights
from tests.evaluation.eval_command import SMALL


def run(*arguments: str | Path) -> int:
    """Exit code of a command."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(scope="package")
def report(project: Path) -> dict[str, Any]:
    """What ``plugins check`` says of the project, which need not be installed for it."""
    from parkour.testing.launch import check_separately

    (found,) = check_separately([str(project)], compile=False)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_one_passes_its_checks(kind: str, report: dict[str, Any]) -> None:
    (part,) = [each for each in report["components"] if each["kind"] == kind]
    assert {check["status"] for check in part["checks"]} <= {"passed", "does not apply"}, part["checks"]
    assert sum(check["status"] == "passed" for check in part["checks"]) >= 3


def test_its_own_tests_pass(project: Path, installed_doors: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", str(project / "tests")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=project)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_listed_and_shown(kind: str, installed_doors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plugins", "list", "--kind", kind, "--json") == 0
    listed = json.loads(capsys.readouterr().out)["components"]
    assert f"{NAME}:doors" in [each["id"] for each in listed]
    assert any(each["distribution"] == "parkour-lab" for each in listed)
    assert run("plugins", "show", "doors", "--kind", kind) == 0
    assert f"{NAME}:doors" in capsys.readouterr().out


def test_metric(installed_doors: Path, gliding_engine: None, weights: Weights, tmp_path: Path) -> None:
    out, page = tmp_path / "eval.json", tmp_path / "eval.html"
    assert run("eval", "--checkpoint", weights.path, *SMALL, "--json", out, "--html", page) == 0
    assert "<td>doors</td>" in page.read_text()
    figures = json.loads(out.read_text())
    shares = figures["episodes"]["doors"]
    # Torques of the robots that glide are random, with a deviation of 5 Nm; limits are 23.5 Nm and more.
    assert len(shares) == 10 and all(0.1 < share < 1.5 for share in shares)
    assert figures["overall"]["metrics"]["doors"]["mean"] == pytest.approx(sum(shares) / 10)


def test_protocol(
    installed_doors: Path, gliding_engine: None, weights: Weights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "eval.json"
    assert run("eval", "--checkpoint", weights.path, "--protocol", "doors", *SMALL, "--json", out) == 0
    assert "protocol doors" in capsys.readouterr().out
    protocol = json.loads(out.read_text())["protocol"]
    assert protocol["name"] == "doors" and protocol["speed"] == [1.2, 1.2] and protocol["difficulty"] == [0.0, 0.5]
    assert run("eval", "--checkpoint", weights.path, "--protocol", "door", *SMALL) == 1
    assert "unknown protocol 'door'; did you mean 'doors'" in capsys.readouterr().err
