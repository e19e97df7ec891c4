"""The run of a minute on an engine, and the report of it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from parkour.engines.smoke import smoke_run
from parkour.errors import EngineError
from parkour.tasks import load_task
from parkour_cli.app import app


class Broken:
    """An engine that cannot make anything."""

    def availability(self) -> Any:
        return SimpleNamespace(ok=True, reason="", hint="", details={})

    def make_env(self, task: Any, **options: Any) -> Any:
        raise EngineError("the simulator did not start")


def test_what_is_raised_is_in_the_report() -> None:
    engine: Any = Broken()
    task = load_task("go2-teacher")
    report = smoke_run(engine, "broken", task, num_envs=2, device="cpu", seconds=1.0, versions={"torch": "2"})
    assert not report.ok
    assert report.error is not None and report.error.endswith("EngineError: the simulator did not start")
    text = report.as_markdown()
    assert text.startswith("### Smoke run of engine broken: FAILED")
    assert "- versions: torch 2" in text
    assert "the simulator did not start" in text


@pytest.mark.mujoco
def test_an_engine_that_works_passes() -> None:
    result = CliRunner().invoke(app, ["doctor", "--engine", "mujoco", "--seconds", "1", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["ok"] and report["steps"] >= 100
    assert report["checks"] == {"layout": True, "finite": True, "stands": True}
    assert 100 < report["foot_force"] < 250
    assert report["groups"]["proprioception"] == [53]


def test_an_engine_that_is_not_there_is_told() -> None:
    result = CliRunner().invoke(app, ["doctor", "--engine", "gazebo"])
    assert result.exit_code == 1
    assert "unknown engine 'gazebo'" in str(result.exception)
