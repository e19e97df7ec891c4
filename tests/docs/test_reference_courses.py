"""The page that compares courses with the reference's is what its script writes, and they are alike."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import make_reference_courses as module

SPECS = {spec.name: spec for spec in module.compared()}


def test_the_page_is_what_the_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (module.RESULTS / "reference.md").read_text(encoding="utf-8")
    (tmp_path / "reference_courses.csv").write_text((module.RESULTS / "reference_courses.csv").read_text())
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    module.main()
    assert (tmp_path / "reference.md").read_text(encoding="utf-8") == page, "python docs/make_reference_courses.py"


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("difficulty", module.DIFFICULTIES)
def test_courses_are_those_of_the_reference(name: str, difficulty: float) -> None:
    """Within what its whole cells of 5 cm make of six obstacles."""
    ours, theirs = module.ours(SPECS[name], difficulty), module.theirs()[name, difficulty]
    tolerance = {"goal_0": 0.06, "goal_1": 0.17, "goal_6": 0.45, "goal_7": 0.45, "highest": 0.015, "lowest": 0.03}
    for figure, near in tolerance.items():
        assert ours[figure][0] == pytest.approx(theirs[figure][0], abs=near), figure
    counted_alike = theirs["edges_counted_alike"][0]
    assert ours["edges"][0] == pytest.approx(counted_alike, rel=0.12, abs=0.05)
