"""A pipeline whose commands answer at once: its stages in their order, their folders, and gates."""

from __future__ import annotations

import pytest

from parkour.errors import ParkourError, StorageError
from parkour.learning.run_lock import RunLock
from parkour.pipeline.record import read_record
from parkour.pipeline.settings import Gates
from tests.pipeline.fakes import DONE, NAMES, Fake, begins, option


def test_stages_come_one_after_the_other(fake: Fake) -> None:
    outcome, notes = fake.run(gpus=2, device="cpu", num_envs=64)
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


def test_gate_stops_it_and_a_lower_one_goes_on(fake: Fake) -> None:
    fake.orders["teacher"] = 0.31
    with pytest.raises(ParkourError) as error:
        fake.run()
    assert error.value.message == (
        "teacher-score: success 0.31 of 24 episodes, expected at least 0.85 (--gate teacher)"
    )
    assert "more --minutes" in str(error.value.hint) and "student, gauntlet" in str(error.value.hint)
    assert len(fake.calls()) == 2
    page = fake.report()
    assert "Stopped: teacher-score: success 0.31" in page and '<span class="bad">failed</span>' in page
    _, notes = fake.run(gates=Gates(teacher=0.3))
    assert [name for name, kept in notes.ended if kept] == NAMES[:2] and len(fake.calls()) == 6


@pytest.mark.parametrize(("stage", "gate"), [("gauntlet", "clean"), ("noisy", "noisy"), ("sim2sim", "sim2sim")])
def test_every_gate_is_asked(fake: Fake, stage: str, gate: str) -> None:
    fake.orders[gate] = 0.2
    with pytest.raises(ParkourError, match=rf"^{stage}: success 0.20 of 24 episodes, .* \(--gate {gate}\)"):
        fake.run()


def test_one_pipeline_in_a_folder_at_a_time(fake: Fake) -> None:
    fake.settings.folder.mkdir()
    with RunLock(fake.settings.folder), pytest.raises(StorageError, match=r"pipeline folder .* is in use by process"):
        fake.run()
    assert fake.calls() == []
    fake.run()
