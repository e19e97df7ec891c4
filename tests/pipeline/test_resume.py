"""A pipeline that is called again: what is kept, what goes on, and what begins anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from parkour.errors import ParkourError
from parkour.policies.checkpoint_file import EARLIER
from tests.pipeline.fakes import NAMES, Fake, option


def test_what_is_done_is_kept(fake: Fake) -> None:
    fake.run()
    before = fake.report()
    fake.calls()
    _, notes = fake.run()
    assert fake.calls() == [] and notes.ended == [(name, True) for name in NAMES] and fake.report() == before


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


def test_damaged_checkpoint_is_removed_and_the_one_before_it_goes_on(fake: Fake) -> None:
    """Nobody names a checkpoint here: the hint of the command that cannot read it is one that holds here, too."""
    fake.run()
    outcome, _ = fake.run(minutes=30.0)
    newest = Path(outcome.records["teacher"].result["checkpoint"])
    (fake.settings.folder / "2_teacher-score" / "stage.json").unlink()
    fake.orders["damaged"] = str(newest)
    with pytest.raises(ParkourError, match="parkour eval: checkpoint is damaged") as error:
        fake.run(minutes=30.0)
    assert error.value.hint == EARLIER and "once this file is removed" in EARLIER
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


def test_the_folder_that_one_stands_in_is_the_same_pipeline(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.run()
    monkeypatch.chdir(fake.settings.folder)
    _, notes = fake.run(folder=Path())
    assert notes.ended == [(name, True) for name in NAMES]
    monkeypatch.chdir(fake.folder)
    _, notes = fake.run(folder=Path("out"))
    assert notes.ended == [(name, True) for name in NAMES]


@pytest.mark.parametrize("name", ["-x", "--out", "a\nb", "%s{}", "ü"])
def test_folders_may_have_odd_names(fake: Fake, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(fake.folder)
    fake.run(folder=Path(name))
    assert (fake.folder / name / "student.pt").is_file() and (fake.folder / name / "report.html").is_file()
    # What stands alone in a command is taken for no option.
    assert not any(call[1].startswith("-") for call in fake.calls() if call[0] == "sim2sim")
