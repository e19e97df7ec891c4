"""What the report of a pipeline shows."""

from __future__ import annotations

import html
import json
import shlex
import shutil
from importlib import metadata

import pytest

from tests.pipeline.fakes import NAMES, Fake, links


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


@pytest.mark.parametrize(("minutes", "lead"), [(1.0, "1 minute of"), (0.5, "0.5 minutes of"), (15, "15 minutes of")])
def test_report_counts_in_the_singular(fake: Fake, minutes: float, lead: str) -> None:
    fake.run(minutes=minutes, device="cpu")
    assert f">{lead} training on a CPU. " in fake.report()


def test_report_links_to_what_each_stage_wrote_wherever_the_folder_is(fake: Fake) -> None:
    fake.run(folder=fake.folder / "a #1 & ü?")
    there = fake.folder / "other %20"
    shutil.move(fake.folder / "a #1 & ü?", there)
    found = links(there / "report.html")
    assert found and all(path.is_file() and path.is_relative_to(there) for path in found)
    shown = {path.relative_to(there).as_posix() for path in found}
    assert {"2_teacher-score/report.html", "4_gauntlet/report.html", "5_noisy/report.html"} <= shown
    assert {"4_gauntlet/figures.json", "7_export/output.txt", "8_sim2sim/figures.json"} <= shown
    assert "1_teacher/log.txt" not in shown  # Nothing is in it.


def test_report_says_with_what_it_was_made(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/there/parkour", "pipeline", "go2", "--minutes", "15", "--out", "mon day"])
    monkeypatch.setattr("parkour.pipeline.made.cpu_name", lambda: "Fast <CPU>")
    fake.run(device="cpu", seed=7)
    made = html.unescape(facts(fake))
    for text in (
        "parkour pipeline go2 --minutes 15 --out 'mon day'", "<dt>seed</dt><dd>7</dd>", "<dt>on</dt><dd>Fast <CPU>, ",
        f"torch {metadata.version('torch')}", f"parkour-lab {metadata.version('parkour-lab')}", "mujoco ",
    ):  # fmt: skip
        assert text in made
    assert "<CPU>" not in fake.report()


def facts(fake: Fake) -> str:
    """What the report says in the section on how it was made."""
    return fake.report().partition("<h2>How it was made</h2>")[2].partition("</section>")[0]


def test_report_says_which_stages_were_made_elsewhere(fake: Fake) -> None:
    """And of those that an earlier version made, that nobody knows."""
    fake.run(device="cpu")
    for number, name in ((1, "teacher"), (3, "student")):
        path = fake.settings.folder / f"{number}_{name}" / "stage.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        if name == "teacher":
            del record["made"]
        else:
            record["made"]["device"] = "4 x NVIDIA H100"
        path.write_text(json.dumps(record), encoding="utf-8")
    _, notes = fake.run(device="cpu")
    assert notes.ended == [(name, True) for name in NAMES]
    made = facts(fake)
    assert "<dt>on, student</dt><dd>4 x NVIDIA H100</dd>" in made and "<dt>on, teacher</dt><dd>not known</dd>" in made
    assert "<dt>on, teacher-score, gauntlet, noisy, weights, export, sim2sim</dt>" in made


def test_stages_have_one_name_everywhere(fake: Fake) -> None:
    fake.orders["clean"] = 0.1
    with pytest.raises(Exception, match=r"^gauntlet: success 0\.10"):
        fake.run()
    page = fake.report()
    assert [page.count(f"<b>{name}</b>") for name in NAMES] == [1] * len(NAMES)
    assert page.count("not done") == 4 and '<div class="name">gauntlet</div>' in page
