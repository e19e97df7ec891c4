"""``parkour pipeline``: what its options become."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from parkour.pipeline.process import StageStoppedError
from parkour.pipeline.settings import DEGRADATIONS, Gates, PipelineSettings
from parkour_cli.__main__ import main
from tests.pipeline.fakes import FAKE, Fake


def invoke(monkeypatch: pytest.MonkeyPatch, *arguments: str, status: int | None = None) -> tuple[int, list[Any]]:
    """The exit status, and the settings of the pipeline that was run, if one was."""
    asked: list[Any] = []

    def run(settings: PipelineSettings, display: Any) -> None:
        asked.append(settings)
        if status is not None:
            raise StageStoppedError(status)

    monkeypatch.setattr("parkour.pipeline.run.run_pipeline", run)
    with pytest.raises(SystemExit) as ended:
        main(["pipeline", *arguments])
    return int(ended.value.code or 0), asked


def test_every_option_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, asked = invoke(
        monkeypatch, "go2", "--minutes", "3", "--gpus", "1", "--device", "cpu", "--num-envs", "8", "--seed", "5",
        "--teacher-share", "0.5", "--body", "--first-share", "0.4", "--first-overlay", "robust",
        "--teacher-overlay", "pipeline", "--student-overlay", "compact+robust", "--noise", "noisy",
        "--eval-envs", "12", "--eval-steps", "20", "--episodes", "2", "--out", str(tmp_path / "there"),
        "--teacher-set", "course.levels=4", "--student-set", "algorithm.params.mirrored_share=0.5",
        "--degradation", "half_frames",
        "--degradation", "pushes", "--gate", "teacher=0.1", "--gate", "noisy=0.2",
    )  # fmt: skip
    assert code == 0 and capsys.readouterr().out.strip() == str(tmp_path / "there" / "student.pt")
    assert asked == [
        PipelineSettings(
            "go2", tmp_path / "there", minutes=3.0, teacher_share=0.5, body=True, first_share=0.4,
            first_overlay="robust", gpus=1, device="cpu", num_envs=8, seed=5,
            teacher_overlay="pipeline", student_overlay="compact+robust", teacher_changes=("course.levels=4",),
            student_changes=("algorithm.params.mirrored_share=0.5",), noise="noisy",
            degradations=("half_frames", "pushes"), eval_envs=12, eval_steps=20, episodes=2,
            gates=Gates(teacher=0.1, noisy=0.2),
        )
    ]  # fmt: skip


def test_defaults_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    _, asked = invoke(monkeypatch, "go2")
    assert asked == [PipelineSettings("go2", Path("pipelines/go2"))] and asked[0].degradations == DEGRADATIONS
    _, asked = invoke(monkeypatch, "go2", "--degradation", "all")
    assert asked[0].degradations == ()


@pytest.mark.parametrize("status", [130, 143])
def test_stopped_pipeline_says_how_to_go_on(
    status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = invoke(monkeypatch, "go2", status=status)
    assert code == status and "the same command goes on from here" in capsys.readouterr().err


def test_both_doors_run_the_same_commands(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What Python callers get of :func:`parkour.pipeline.run.run_pipeline` is what the command line gives."""
    more: dict[str, Any] = {"student_changes": ("control.action_delay=2",), "minutes": 3.0}
    fake.run(**more)
    from_python = fake.calls()
    shutil.rmtree(fake.settings.folder)
    monkeypatch.setattr("parkour.pipeline.run.CommandLine", lambda: FAKE)
    with pytest.raises(SystemExit) as ended:
        main([
            "pipeline", "go2", "--minutes", "3", "--out", str(fake.settings.folder),
            "--teacher-set", fake.settings.teacher_changes[0], "--student-set", "control.action_delay=2",
        ])  # fmt: skip
    assert ended.value.code in (0, None), capsys.readouterr().err
    runs = re.compile(r"2026-01-31_12-00-\d+|runs-[0-9a-f]{8}")  # Of the time, and of what the time is part of.
    from_shell, from_python = (json.loads(runs.sub("RUN", json.dumps(each))) for each in (fake.calls(), from_python))
    assert from_shell == from_python and "control.action_delay=2" in from_shell[1]


def test_options_that_cannot_be_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, asked = invoke(monkeypatch, "go2", "--gate", "teacher=2", "--out", str(tmp_path / "out"))
    error = capsys.readouterr().err
    assert code == 1 and asked == [] and not (tmp_path / "out").exists()
    assert error.splitlines()[0] == "error: --gate: got 'teacher=2', expected a rate from 0 to 1"
