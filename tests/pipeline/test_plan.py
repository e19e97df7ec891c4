"""Stages against the commands that they call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from parkour.pipeline.plan import make_stages
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Place
from tests.pipeline.fakes import ROOT


def test_commands_know_every_option(tmp_path: Path) -> None:
    """What the stages ask for is what ``parkour`` takes; nothing is run."""
    from parkour_cli.commands import command_named, load_command

    settings = PipelineSettings(
        "go2", tmp_path, device="cpu", num_envs=4, body=True, student_changes=("course.levels=3",),
        teacher_changes=("course.levels=4",),
    )  # fmt: skip
    read = ("teacher", "robust-teacher", "student", "export")
    before = {name: {"checkpoint": "model_1.pt", "folder": str(tmp_path)} for name in read}
    for stage in make_stages(settings):
        name, *arguments = stage.command(Place(tmp_path, before))
        found = command_named(name)
        assert found is not None
        command: Any = load_command(name, found)
        while hasattr(command, "commands"):
            command, arguments = command.commands[arguments[0]], arguments[1:]
        context = command.make_context(name, list(arguments))
        assert not context.args, f"{stage.name}: {context.args}"


def test_pipeline_of_nothing_known_is_told_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "parkour_cli", "pipeline", "go3", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and done.stderr.splitlines()[0].startswith("error: unknown task 'go3-teacher'")
    assert not (tmp_path / "out").exists()
