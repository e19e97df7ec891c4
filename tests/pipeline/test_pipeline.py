"""A pipeline whose commands answer at once: order, what is kept, gates, stops and errors, and the report."""

from __future__ import annotations

import html
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parkour.errors import ParkourError, StorageError
from parkour.learning.run_lock import RunLock
from parkour.pipeline.plan import make_stages
from parkour.pipeline.process import CommandLine, StageStoppedError
from parkour.pipeline.record import read_record
from parkour.pipeline.run import Outcome, run_pipeline
from parkour.pipeline.settings import Gates, PipelineSettings
from parkour.pipeline.stages import Place, Result, Stage
from parkour.tasks import load_task

ROOT = Path(__file__).parents[2]
RATES = {"teacher": 0.95, "clean": 0.85, "noisy": 0.8, "sim2sim": 0.9}
NAMES = ["teacher", "teacher-score", "student", "gauntlet", "noisy", "weights", "export", "sim2sim"]
DONE = [["train", "go2-teacher"], ["eval"], ["train", "go2-student"], ["eval"], ["eval"], ["export", "weights"],
        ["export", "onnx"], ["sim2sim"]]  # fmt: skip


class Notes:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, bool]] = []
        self.pages: list[Path] = []

    def begin(self, number: int, stage: Stage, place: Place) -> None: ...

    def tick(self, stage: Stage, place: Place) -> None: ...

    def end(self, number: int, stage: Stage, result: Result, kept: bool) -> None:
        self.ended.append((stage.name, kept))

    def report(self, page: Path) -> None:
        self.pages.append(page)


class Fake:
    """The pipeline, and what its commands are to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = PipelineSettings("go2", folder / "out", minutes=15.0, teacher_changes=("course.levels=4",))
        self.orders: dict[str, Any] = dict(RATES)

    def run(self, **changes: Any) -> tuple[Outcome, Notes]:
        (self.folder / "orders.json").write_text(json.dumps(self.orders), encoding="utf-8")
        notes = Notes()
        commands = CommandLine("tests.pipeline.fake_parkour")
        return run_pipeline(replace(self.settings, **changes), commands, notes), notes

    def calls(self) -> list[list[str]]:
        path = self.folder / "calls.jsonl"
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        path.unlink(missing_ok=True)
        return found

    def report(self) -> str:
        return (self.settings.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    monkeypatch.setenv("FAKE_FOLDER", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("parkour.pipeline.process.TICK", 0.02)
    return Fake(tmp_path)


def option(call: list[str], name: str) -> str:
    return call[call.index(name) + 1]


def begins(calls: list[list[str]]) -> list[list[str]]:
    """Of each call the part that says what it does."""
    return [call[: len(start)] for call, start in zip(calls, DONE, strict=True)]


# -- all of it -------------------------------------------------------------------------------------------------------


def test_stages_come_one_after_the_other(fake: Fake) -> None:
    outcome, notes = fake.run(gpus=2, num_envs=64)
    calls = fake.calls()
    assert begins(calls) == DONE
    assert notes.ended == [(name, False) for name in NAMES] and outcome.obstacle == ""
    teacher, student = calls[0], calls[2]
    assert float(option(teacher, "--time-limit")) == pytest.approx(0.33 * 15.0, rel=1e-3)
    assert float(option(student, "--time-limit")) == pytest.approx(0.67 * 15.0, rel=1e-3)
    assert option(teacher, "--set") == "course.levels=4" and "--set" not in student
    assert all((option(call, "--gpus"), option(call, "--num-envs")) == ("2", "64") for call in (teacher, student))
    results = {name: record.result for name, record in outcome.records.items()}
    assert option(student, "--checkpoint") == option(calls[1], "--checkpoint") == results["teacher"]["checkpoint"]
    assert {option(call, "--checkpoint") for call in calls[3:7]} == {results["student"]["checkpoint"]}
    assert calls[7][1] == str(fake.settings.folder / "exported")
    assert results["gauntlet"]["degradations"]["half_frames"] == {"success": 0.6, "loss": 0.1, "part": "camera"}


def test_every_stage_has_a_folder_with_its_words_and_its_record(fake: Fake) -> None:
    fake.run()
    folders = sorted(path.name for path in fake.settings.folder.iterdir() if path.is_dir())
    assert folders == [*(f"{number}_{name}" for number, name in enumerate(NAMES, start=1)), "exported"]
    for number, name in enumerate(NAMES, start=1):
        folder = fake.settings.folder / f"{number}_{name}"
        record = read_record(folder)
        assert record is not None and record.stage == name and (folder / "log.txt").exists()
    assert (fake.settings.folder / "student.pt").stat().st_size == 2_800_000


def test_report_says_what_was_measured_and_how_to_do_it_again(fake: Fake) -> None:
    _, notes = fake.run()
    page = fake.report()
    assert notes.pages == [fake.settings.folder / "report.html"]
    assert "All stages are done, and all gates passed." in page
    assert page.count('<span class="good">passed</span>') == 4 and "failed" not in page
    for text in ("half_frames", "+0.10", "student.pt, 2.8 MB", "differs from torch by 2e-06", "data:image/png"):
        assert text in page
    assert f"parkour sim2sim {fake.settings.folder / 'exported'}" in page


def test_report_is_of_folders_with_any_name_and_of_the_machine(fake: Fake) -> None:
    fake.run(folder=fake.folder / "mon day ü", device="cpu", teacher_changes=("course.start_levels=[0, 3]",))
    page = (fake.folder / "mon day ü" / "report.html").read_text(encoding="utf-8")
    assert "15 minutes of training on a CPU. " in page and "ü" in page.partition("Asked for")[2]
    shown = [html.unescape(line.partition("</code>")[0]) for line in page.split("<code>")[1:]]
    assert [shlex.split(line) for line in shown] == [["parkour", *call] for call in fake.calls()]


def test_teacher_is_scored_under_its_conditions(fake: Fake) -> None:
    fake.run(teacher_conditions=("control.action_delay=1", "command.speed=[0.4, 0.9]"))
    score, *others = [call for call in fake.calls() if call[0] == "eval"]
    assert [score[place + 1] for place, word in enumerate(score) if word == "--set"] == [
        "control.action_delay=1", "command.speed=[0.4, 0.9]",
    ]  # fmt: skip
    assert not any("--set" in call for call in others)


# -- going on --------------------------------------------------------------------------------------------------------


def test_what_is_done_is_kept(fake: Fake) -> None:
    fake.run()
    before = fake.report()
    fake.calls()
    _, notes = fake.run()
    assert fake.calls() == [] and notes.ended == [(name, True) for name in NAMES] and fake.report() == before


def test_gate_stops_it_and_a_lower_one_goes_on(fake: Fake) -> None:
    fake.orders["teacher"] = 0.31
    with pytest.raises(ParkourError) as error:
        fake.run()
    assert error.value.message == (
        "the teacher succeeds in 0.31 of the episodes, expected at least 0.85 (--gate teacher)"
    )
    assert "more --minutes" in str(error.value.hint) and "student, gauntlet" in str(error.value.hint)
    assert len(fake.calls()) == 2
    page = fake.report()
    assert "Stopped: the teacher succeeds in 0.31" in page and '<span class="bad">failed</span>' in page
    _, notes = fake.run(gates=Gates(teacher=0.3))
    assert [name for name, kept in notes.ended if kept] == NAMES[:2] and len(fake.calls()) == 6


@pytest.mark.parametrize("gate", ["clean", "noisy", "sim2sim"])
def test_every_gate_is_asked(fake: Fake, gate: str) -> None:
    fake.orders[gate] = 0.2
    with pytest.raises(ParkourError, match=rf"in 0.20 of the episodes, .* \(--gate {gate}\)"):
        fake.run()


def test_more_minutes_train_on_and_measure_anew(fake: Fake) -> None:
    outcome, _ = fake.run()
    fake.calls()
    again, notes = fake.run(minutes=30.0)
    calls = fake.calls()
    assert not any(kept for _, kept in notes.ended)
    assert calls[0][:3] == ["train", "--resume", "--run"]
    assert calls[0][3] == outcome.records["teacher"].result["run"]
    assert float(option(calls[0], "--time-limit")) == pytest.approx(0.33 * 15.0, rel=1e-3)
    # The teacher is another one now: its student begins anew, in a folder of its own.
    assert calls[2][:2] == ["train", "go2-student"]
    assert option(calls[2], "--checkpoint") == again.records["teacher"].result["checkpoint"]
    assert again.records["student"].result["run"] != outcome.records["student"].result["run"]


def test_fewer_minutes_are_enough(fake: Fake) -> None:
    fake.run()
    fake.calls()
    fake.run(minutes=10.0)
    assert fake.calls() == []


def test_other_changes_begin_anew(fake: Fake) -> None:
    fake.run()
    fake.calls()
    _, notes = fake.run(student_changes=("course.levels=3",))
    assert [name for name, kept in notes.ended if kept] == NAMES[:2]
    assert fake.calls()[0][:2] == ["train", "go2-student"]


def test_a_folder_that_was_moved_is_the_same_pipeline(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the machine after the one that was lost; and called by another name of it."""
    two: dict[str, Any] = {"first_overlay": "pipeline"}
    fake.run(**two)
    fake.calls()
    there = fake.folder / "else where"
    shutil.move(fake.settings.folder, there)
    monkeypatch.chdir(fake.folder)
    for folder in (there, Path("else where")):
        outcome, notes = fake.run(**two, folder=folder)
        assert fake.calls() == [] and all(kept for _, kept in notes.ended)
        assert outcome.records["student"].result["checkpoint"].startswith(f"{folder}/4_student/")
    # More minutes go on from what lies there now.
    fake.run(**two, folder=there, minutes=30.0)
    assert option(fake.calls()[0], "--run").startswith(f"{there}/1_teacher/")


def test_training_that_is_whole_needs_no_record(fake: Fake) -> None:
    """A second more would be another teacher, whose student begins anew."""
    fake.run()
    for number, name in ((1, "teacher"), (3, "student")):
        (fake.settings.folder / f"{number}_{name}" / "stage.json").unlink()
    fake.calls()
    outcome, _ = fake.run()
    assert fake.calls() == []
    assert float(option(list(outcome.records["teacher"].command), "--time-limit")) == pytest.approx(4.95, rel=1e-3)


@pytest.mark.parametrize("recorded", [True, False])
def test_what_was_trained_after_the_last_checkpoint_is_trained_again(fake: Fake, recorded: bool) -> None:
    """As when the machine is lost just before the end: a checkpoint every 50 iterations may be minutes old."""
    outcome, _ = fake.run()
    result = outcome.records["student"].result
    run, folder = Path(result["run"]), fake.settings.folder / "3_student"
    rows = [{"iteration": i, "Perf/total_minutes": 1.005 * i, "total_steps": i} for i in range(1, 11)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    Path(result["checkpoint"]).rename(run / "model_6.pt")
    if not recorded:
        (folder / "stage.json").unlink()
    fake.calls()
    fake.run()
    resumed = fake.calls()[0]
    assert resumed[:4] == ["train", "--resume", "--run", str(run)]
    assert float(option(resumed, "--time-limit")) == pytest.approx(0.67 * 15.0 - 6.03, rel=1e-3)


def test_one_pipeline_in_a_folder_at_a_time(fake: Fake) -> None:
    fake.settings.folder.mkdir()
    with RunLock(fake.settings.folder), pytest.raises(StorageError, match=r"pipeline folder .* is in use by process"):
        fake.run()
    assert fake.calls() == []
    fake.run()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_training_saves_and_goes_on(fake: Fake, number: signal.Signals, status: int) -> None:
    fake.orders["wait"] = "train"
    killer = threading.Thread(target=_signal_when, args=(fake.folder / "waits", number))
    killer.start()
    with pytest.raises(StageStoppedError) as stopped:
        fake.run()
    killer.join()
    assert stopped.value.status == status and signal.getsignal(number) is not signal.SIG_IGN
    assert len(fake.calls()) == 1 and "teacher trains: not finished" in fake.report()
    del fake.orders["wait"]
    outcome, _ = fake.run()
    first = fake.calls()[0]
    assert first[:2] == ["train", "--resume"]
    assert float(option(first, "--time-limit")) == pytest.approx(0.33 * 15.0 / 2.0, rel=1e-3)
    assert outcome.records["teacher"].result["minutes"] == pytest.approx(0.33 * 15.0, rel=1e-3)


def test_second_signal_ends_what_does_not_end(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped, as by Ctrl-Z: it hears nothing."""
    monkeypatch.setattr("parkour.pipeline.process.PATIENCE", 0.2)
    fake.orders["wait"] = "stopped"

    def interrupt() -> None:
        _signal_when(fake.folder / "waits", signal.SIGINT)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(StageStoppedError) as stopped:
        fake.run()
    killer.join()
    assert stopped.value.status == 130


def test_signal_while_a_stage_starts_reaches_it(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.orders["wait"] = "train"
    started: list[Any] = []
    popen = subprocess.Popen

    def start(*args: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        started.append(popen(*args, **options))
        return started[0]

    monkeypatch.setattr("parkour.pipeline.process.subprocess.Popen", start)
    with pytest.raises(StageStoppedError) as stopped:
        fake.run()
    assert stopped.value.status == 143 and started[0].returncode is not None


def test_files_of_a_stage_follow_no_link(fake: Fake) -> None:
    folder, victim = fake.settings.folder / "1_teacher", fake.folder / "victim"
    folder.mkdir(parents=True)
    (folder / "log.txt").symlink_to(victim)
    (folder / "output.txt").symlink_to(victim)
    fake.run()
    assert not victim.exists()
    (fake.settings.folder / "1_teacher" / "log.txt").unlink()
    os.mkfifo(fake.settings.folder / "1_teacher" / "log.txt")
    with pytest.raises(StorageError, match=r"log\.txt"):
        fake.run(teacher_changes=("course.levels=5",))


def _signal_when(path: Path, number: signal.Signals) -> None:
    while not path.exists():
        time.sleep(0.02)
    os.kill(os.getpid(), number)


# -- errors ----------------------------------------------------------------------------------------------------------


def test_commands_own_error_is_told(fake: Fake) -> None:
    fake.orders["die"] = "export"
    with pytest.raises(ParkourError) as error:
        fake.run()
    assert (error.value.message, error.value.hint) == ("parkour export: no GPU is left", "parkour doctor")
    assert "Stopped: parkour export: no GPU is left" in fake.report()
    del fake.orders["die"]
    _, notes = fake.run()
    assert [name for name, kept in notes.ended if kept] == NAMES[:5]


def test_command_that_breaks_is_told_with_its_log(fake: Fake) -> None:
    fake.orders["crash"] = "sim2sim"
    with pytest.raises(ParkourError, match="parkour sim2sim ended with status 1: RuntimeError: a bug") as error:
        fake.run()
    assert error.value.hint == f"read {fake.settings.folder / '8_sim2sim' / 'log.txt'}"


def test_damaged_checkpoint_is_removed_and_the_one_before_it_goes_on(fake: Fake) -> None:
    """Nobody names a checkpoint here, as the hint of the command that cannot read it says."""
    fake.run()
    outcome, _ = fake.run(minutes=30.0)
    newest = Path(outcome.records["teacher"].result["checkpoint"])
    (fake.settings.folder / "2_teacher-score" / "stage.json").unlink()
    fake.orders["damaged"] = str(newest)
    with pytest.raises(ParkourError, match="parkour eval: checkpoint is damaged") as error:
        fake.run(minutes=30.0)
    assert error.value.hint == "remove that file: the same command trains on from the checkpoint before it"
    newest.unlink()
    del fake.orders["damaged"]
    fake.calls()
    fake.run(minutes=30.0)
    assert fake.calls()[0][:4] == ["train", "--resume", "--run", str(newest.parent)]


def test_a_checkpoint_that_is_gone_is_not_read_on(fake: Fake) -> None:
    """The one before it may be of a training that is as good as whole."""
    outcome, _ = fake.run()
    newest = Path(outcome.records["student"].result["checkpoint"])
    rows = [{"iteration": i, "Perf/total_minutes": 0.67 * 15.0 * share} for i, share in ((9, 0.99), (10, 1.0))]
    (newest.parent / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    before = newest.rename(newest.with_name("model_9.pt"))
    fake.calls()
    outcome, _ = fake.run()
    calls = fake.calls()
    assert outcome.records["student"].result["checkpoint"] == str(before)
    assert calls[0][:3] == ["eval", "--checkpoint", str(before)]


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"format": "x", "format_version": 1}'])
def test_damaged_record_is_told(fake: Fake, text: str) -> None:
    fake.run()
    (fake.settings.folder / "2_teacher-score" / "stage.json").write_text(text, encoding="utf-8")
    with pytest.raises(StorageError, match=r"2_teacher-score/stage\.json is no record of a stage") as error:
        fake.run()
    assert error.value.hint == "remove it: the stage is run again"


@pytest.mark.parametrize(
    ("folder", "changes"),
    [
        ("1_teacher", {"checkpoint": 5}),
        ("1_teacher", {"minutes": "many"}),
        ("2_teacher-score", {"success": "1"}),
        ("2_teacher-score", {"success": 7.0}),
        ("2_teacher-score", {"by_terrain": [1]}),
        ("4_gauntlet", {"degradations": {"dark": {}}}),
        ("6_weights", {"megabytes": None}),
        ("7_export", {"max_error": [0]}),
        ("8_sim2sim", {"episodes": -1}),
        ("8_sim2sim", {"more": 1}),
    ],
)
def test_a_record_with_another_result_is_told(fake: Fake, folder: str, changes: dict[str, Any]) -> None:
    fake.run()
    path = fake.settings.folder / folder / "stage.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["result"] |= changes
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(StorageError, match=rf"{folder}/stage\.json is no record of a stage \(.*result\."):
        fake.run()


def test_an_export_elsewhere_is_made_anew(fake: Fake) -> None:
    """A record names no place but the one that is written to."""
    fake.run()
    path = fake.settings.folder / "7_export" / "stage.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["result"]["folder"] = "/elsewhere"
    path.write_text(json.dumps(data), encoding="utf-8")
    fake.calls()
    fake.run()
    assert fake.calls()[0][:2] == ["export", "onnx"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minutes": 0.0}, "--minutes: got 0, expected more than 0"),
        ({"minutes": float("nan")}, "--minutes: got nan"),
        ({"minutes": 1e7}, "--minutes: got 1e\\+07, expected at most 1,000,000"),
        ({"teacher_share": 1.0}, "--teacher-share: got 1, expected less than 1"),
        ({"gpus": 0}, "--gpus: got 0, expected at least 1"),
        ({"episodes": 0}, "--episodes: got 0"),
    ],
)
def test_numbers_out_of_bounds_are_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParkourError, match=message):
        PipelineSettings("go2", **changes)


@pytest.mark.parametrize("text", ["teacher", "teacher=", "teacher=2", "teacher=nan", "student=0.5", "=1"])
def test_bad_gates_are_told(text: str) -> None:
    with pytest.raises(ParkourError, match=r"--gate: got "):
        Gates.read([text])


def test_gates_are_read() -> None:
    assert Gates.read(["noisy=0.5", "clean=1"]) == Gates(noisy=0.5, clean=1.0)


# -- a teacher in two parts ------------------------------------------------------------------------------------------


def test_a_teacher_walks_before_it_meets_what_its_student_will(fake: Fake) -> None:
    two = {"body": True, "first_share": 0.6}
    outcome, notes = fake.run(**two)
    calls, results = fake.calls(), {name: record.result for name, record in outcome.records.items()}
    assert begins([calls[0], *calls[2:]]) == DONE
    assert [name for name, _ in notes.ended] == ["teacher", "robust-teacher", *NAMES[1:]]
    first, second, score, student = calls[:4]
    assert option(first, "--overlay") == "pipeline" and "--checkpoint" not in first
    assert option(second, "--overlay") == "pipeline+finetune+robust" and second[1] == first[1]
    assert option(second, "--checkpoint") == results["teacher"]["checkpoint"]
    assert float(option(first, "--time-limit")) == pytest.approx(0.6 * 0.33 * 15.0, rel=1e-3)
    assert float(option(second, "--time-limit")) == pytest.approx(0.4 * 0.33 * 15.0, rel=1e-3)
    # The one that is scored, and taught from, is the second.
    assert option(score, "--checkpoint") == option(student, "--checkpoint") == results["robust-teacher"]["checkpoint"]
    assert "robust-teacher" in fake.report()
    # More minutes for both: the second part begins anew, behind another first one.
    outcome, _ = fake.run(**two, minutes=30.0)
    first, second = fake.calls()[:2]
    assert "--resume" in first and option(second, "--checkpoint") == outcome.records["teacher"].result["checkpoint"]


def test_what_is_asked_for_wins_over_what_goes_with_the_body() -> None:
    asked = PipelineSettings("go2", body=True, teacher_overlay="robust", first_overlay="")
    assert asked.overlays == ("", "robust", "fast+compact+pipeline+robust") and asked.first_minutes == 0.0
    assert PipelineSettings("go2", student_overlay="fast").overlays == ("", "pipeline", "fast")


def test_without_the_body_the_camera_alone_is_randomized() -> None:
    overlays = PipelineSettings("go2").overlays
    teacher_task = load_task("go2-teacher", overlay=f"train+{overlays.teacher}")
    student_task = load_task("go2-student", overlay=f"train+{overlays.student}")
    student = student_task.model
    all_of_it = load_task("go2-student", overlay=f"train+{PipelineSettings('go2', body=True).overlays.student}").model
    assert student.observations == all_of_it.observations
    for name in ("friction", "added_mass", "push"):
        assert student_task.events[name].kwargs == teacher_task.events[name].kwargs
    assert not any(student.events[name].enabled for name in ("motor_strength", "gain_scale"))
    assert student.control == teacher_task.model.control != all_of_it.control
    camera = {name for name in student.events if name.startswith("camera_")}
    assert len(camera) == 4 and all(student.events[name] == all_of_it.events[name] for name in camera)
    # Robots that are past their way point begin anew; not so where students are scored.
    assert student.terminations["way_point_behind"].enabled
    assert not load_task("go2-student", overlay="eval").model.terminations["way_point_behind"].enabled


def test_the_overlays_of_the_body_are_there() -> None:
    overlays = PipelineSettings("go2", body=True).overlays
    first = load_task("go2-teacher", overlay=f"train+{overlays.first}").model
    second = load_task("go2-teacher", overlay=f"train+{overlays.teacher}").model
    assert "motor_strength" not in first.events and second.events["motor_strength"].enabled
    assert second.events["friction"].params["range"] == [0.3, 2.0]
    assert tuple(second.course.start_levels) == (0, 9)


# -- the real commands -----------------------------------------------------------------------------------------------


def test_commands_know_every_option(tmp_path: Path) -> None:
    """What the stages ask for is what ``parkour`` takes; nothing is run."""
    from parkour_cli.commands import command_named, load_command

    settings = PipelineSettings(
        "go2", tmp_path, device="cpu", num_envs=4, body=True, student_changes=("course.levels=3",),
        teacher_changes=("a.b=1",),
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
