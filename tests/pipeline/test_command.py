"""``parkour pipeline``: what its options become, and what it refuses before anything begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parkour.evaluation.degradations import Degradation
from parkour.pipeline.process import StageStoppedError
from parkour.pipeline.settings import DEGRADATIONS, Gates, PipelineSettings
from parkour_cli.__main__ import main


def invoke(monkeypatch: pytest.MonkeyPatch, *arguments: str, status: int | None = None) -> tuple[int, list[Any]]:
    """The exit status, and the settings of the pipeline that was run, if one was."""
    asked: list[Any] = []

    def run(settings: PipelineSettings, commands: Any, display: Any) -> None:
        asked.append(settings)
        assert commands.module == "parkour_cli"
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
            gates=Gates(teacher=0.1, noisy=0.2), teacher_conditions=("control.action_delay=1",),
        )
    ]  # fmt: skip


def test_defaults_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    _, asked = invoke(monkeypatch, "go2")
    assert asked == [
        PipelineSettings("go2", Path("pipelines/go2"), teacher_conditions=("control.action_delay=1",))
    ] and asked[0].degradations == DEGRADATIONS  # fmt: skip
    _, asked = invoke(monkeypatch, "go2", "--degradation", "all")
    assert asked[0].degradations == ()


@pytest.mark.parametrize(
    ("options", "conditions"),
    [
        (["--student-set", "control.action_delay=[2, 4]"], ["control.action_delay=3"]),
        (["--teacher-set", "control.action_delay=1"], []),
        (
            ["--student-set", "command.speed=[0.4, 0.9]", "--student-set", "events.friction.params.range=[0.3,0.5]"],
            ["control.action_delay=1", "events.friction.params.range=[0.3, 0.5]"],  # The protocol says the speed.
        ),
    ],
)
def test_teacher_is_scored_on_the_robot_of_its_student(
    options: list[str], conditions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, asked = invoke(monkeypatch, "go2", *options)
    assert sorted(asked[0].teacher_conditions) == sorted(conditions)


@pytest.mark.parametrize("status", [130, 143])
def test_stopped_pipeline_says_how_to_go_on(
    status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = invoke(monkeypatch, "go2", status=status)
    assert code == status and "the same command goes on from here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["go3"], "unknown task 'go3-teacher'; did you mean 'go2-teacher'"),
        (["go2", "--teacher-overlay", "fst"], "unknown overlay 'fst'"),
        (["go2", "--student-overlay", "fast+nothing"], "unknown overlay 'nothing'"),
        (["go2", "--noise", "loud"], "unknown noise preset 'loud'"),
        (["go2", "--noise", ""], "unknown noise preset ''"),
        (["go2", "--noise", "eval"], "unknown noise preset 'eval'"),
        (["go2", "--student-set", "rewards.x=1"], "unknown reward 'x'"),
        (["go2", "--teacher-set", "course.levels"], "expected path=value"),
        (
            ["go2", "--student-set", "algorithm.params.mirrored_share=0.5", "--student-set", "camera.yaw=0.1"],
            "the image has no mirror image: camera.yaw is 0.1",
        ),
        (["go2", "--degradation", "fog"], "unknown degradation 'fog'"),
        (["go2", "--gate", "teacher=2"], "--gate: got 'teacher=2', expected a rate from 0 to 1"),
        (["go2", "--minutes", "0"], "--minutes: got 0, expected more than 0"),
        (["go2", "--gpus", "99"], "got 99 GPUs, but torch sees"),
        (["go2", "--minutes", "1e300"], "--minutes: got 1e+300, expected at most 1,000,000"),
        (["go2", "--seed", "-1"], "--seed: got -1, expected at least 0"),
        (["go2", "--seed", "9" * 20], "--seed: got 99999999999999999999, expected at most"),
        (["go2", "--num-envs", "0"], "got 0 environments, expected at least 1"),
        (["go2", "--device", "tpu"], "got device 'tpu', expected 'cpu', 'cuda' or 'cuda:N'"),
        (["go2", "--device", "cuda:99"], "got device 'cuda:99', but torch sees"),
        (["go2", "--eval-steps", "9" * 14], "--eval-steps: got 99999999999999, expected at most"),
    ],
)
def test_bad_input_is_one_line_before_anything_begins(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    code, asked = invoke(monkeypatch, *arguments, "--out", str(tmp_path / "out"))
    error = capsys.readouterr().err
    assert code == 1 and asked == [] and message in error.splitlines()[0]
    assert "Traceback" not in error and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"control.action_dely": 2}, "unknown key 'control.action_dely'"),
        ({"observations.lidar.clip": 1.0}, "--degradation slow: the task has no observation group 'lidar'"),
    ],
)
def test_degradation_that_cannot_be_is_told_before_anything_begins(
    changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = Degradation("slow", "parkour-delays:slow", "all is late", "body", changes)
    monkeypatch.setattr("parkour.evaluation.degradations.find_degradations", lambda names: (slow,))
    code, asked = invoke(monkeypatch, "go2", "--degradation", "slow")
    assert code == 1 and asked == [] and message in capsys.readouterr().err
    code, asked = invoke(monkeypatch, "go2", "--degradation", "all")
    assert code == 0 and asked[0].degradations == ()
