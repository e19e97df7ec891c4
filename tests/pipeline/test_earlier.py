"""What a pipeline made before, and is none of what it is asked for now."""

from __future__ import annotations

from pathlib import Path

import pytest

from parkour.errors import ParkourError
from parkour.pipeline.process import StageStoppedError
from parkour.pipeline.settings import Gates
from tests.pipeline.fakes import NAMES, Fake, Notes, links


def products(folder: Path) -> list[str]:
    return [name for name in ("student.pt", "exported") if (folder / name).exists()]


def fails(fake: Fake, **changes: object) -> None:
    with pytest.raises(ParkourError, match=r"--gate"):
        fake.run(**changes)


def test_a_gate_that_fails_leaves_no_student_of_other_settings(fake: Fake) -> None:
    fake.run()
    page = fake.report()
    fake.orders["teacher"] = 0.1
    fails(fake, teacher_changes=("course.levels=5",))
    assert products(fake.settings.folder) == []
    (place,) = (fake.settings.folder / "earlier").iterdir()
    assert products(place) == ["student.pt", "exported"] and (place / "exported" / "deploy.toml").exists()
    # With what it had: the report as it was, and what that links to.
    assert (place / "report.html").read_text(encoding="utf-8") == page
    assert (place / "8_sim2sim" / "stage.json").is_file()
    found = links(place / "report.html")
    assert place / "7_export" / "output.txt" in found and all(path.is_file() for path in found)
    assert "success 0.10" in fake.report()


def test_a_higher_gate_leaves_no_student_that_does_not_pass_it(fake: Fake) -> None:
    fake.run()
    fake.calls()
    fails(fake, gates=Gates(noisy=0.99))
    assert products(fake.settings.folder) == [] and fake.calls() == []
    # Written anew, and nothing else done, where it may pass again.
    _, notes = fake.run()
    assert products(fake.settings.folder) == ["student.pt", "exported"]
    assert [name for name, kept in notes.ended if not kept] == ["weights", "export"]


@pytest.mark.parametrize("ended", ["stopped", "broken"])
def test_a_rerun_that_does_not_come_far_leaves_no_student_of_before(
    fake: Fake, ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.run()

    def run(*arguments: object) -> None:
        raise StageStoppedError(130) if ended == "stopped" else KeyboardInterrupt

    monkeypatch.setattr("parkour.pipeline.process.CommandLine.run", run)
    with pytest.raises((StageStoppedError, KeyboardInterrupt)):
        fake.run(minutes=30.0)
    assert products(fake.settings.folder) == []
    assert len(list((fake.settings.folder / "earlier").iterdir())) == 1


def test_earlier_results_are_told_once_and_stay_apart(fake: Fake) -> None:
    told: list[Path] = []
    for minutes in (15.0, 20.0, 25.0):
        told += fake.run(minutes=minutes)[1].put_aside
    assert len(told) == len(set(told)) == 2 and all(place.parent.name == "earlier" for place in told)
    assert all(products(place) == ["student.pt", "exported"] for place in told)
    assert products(fake.settings.folder) == ["student.pt", "exported"]


def test_what_holds_stays_where_it_is(fake: Fake) -> None:
    def kept(notes: Notes) -> list[str]:
        return [name for name, kept in notes.ended if kept]

    fake.run()
    (fake.settings.folder / "1_teacher" / "stage.json").unlink()
    _, notes = fake.run()
    assert kept(notes) == NAMES
    _, notes = fake.run(episodes=20)
    assert kept(notes) == NAMES[:-1]
    assert not (fake.settings.folder / "earlier").exists()


@pytest.mark.parametrize("name", ["student.pt", "exported"])
def test_results_that_somebody_removed_are_written_again(fake: Fake, name: str) -> None:
    fake.run()
    path = fake.settings.folder / name
    path.rename(fake.folder / "taken")
    _, notes = fake.run()
    assert path.exists()
    assert {"weights": "student.pt", "export": "exported"}[notes.first_made()] == name


def test_links_are_moved_and_not_followed(fake: Fake) -> None:
    fake.run()
    target = fake.folder / "mine"
    (fake.settings.folder / "student.pt").rename(target)
    (fake.settings.folder / "student.pt").symlink_to(target)
    fake.run(minutes=30.0)
    (place,) = (fake.settings.folder / "earlier").iterdir()
    assert (place / "student.pt").is_symlink() and target.stat().st_size == 2_800_000
    assert not (fake.settings.folder / "student.pt").is_symlink()
