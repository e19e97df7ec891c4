"""Stages whose commands fail, or whose files cannot be written."""

from __future__ import annotations

import os

import pytest

from parkour.errors import ParkourError, StorageError
from tests.pipeline.fakes import NAMES, Fake


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
