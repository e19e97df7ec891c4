"""The hardest draws of a terrain: measured along the way points, and drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from parkour import Box, SubTerrain
from parkour.registry import RegisteredSpec, Registry
from parkour.specs import TerrainSpec
from parkour.testing.subject import CheckOptions, NotChecked, Subject
from parkour.testing.worst import draw_worst, worst_cases


def course(difficulty: float, rng: np.random.Generator, params: object) -> SubTerrain:
    """Platforms 3 m wide with a gap of 0.2 to 0.7 m, a step of 0.1 to 0.3 m, and then a beam of 0.8 to 0.4 m."""
    gap, step, width = 0.2 + 0.5 * difficulty, 0.1 + 0.2 * difficulty, 0.8 - 0.4 * difficulty
    boxes = [
        Box.slab((-1, 17), (-3, 3), -0.6, walkable=False),
        Box.slab((-1, 4), (-3, 3), 0.0),
        Box.slab((4 + gap, 8), (-1.5, 1.5), 0.0),
        Box.slab((6, 7), (-1.5, 1.5), step),
        Box.slab((8, 11), (-width / 2, width / 2), 0.0),
        Box.slab((11, 17), (-3, 3), 0.0),
    ]
    return SubTerrain(boxes, np.array([(2.5, 0.0), (7.5, 0.0), (12.0, 0.0)]))


def walled(difficulty: float, rng: np.random.Generator, params: object) -> SubTerrain:
    """Walls 0.6 m high with an opening of 1.6 to 0.7 m on the left, and a bar that leaves 0.5 to 0.3 m."""
    opening, room = 1.6 - 0.9 * difficulty, 0.5 - 0.2 * difficulty
    boxes = [
        Box.slab((-1, 17), (-3, 3), 0.0),
        Box.slab((5, 5.1), (-3, 2 - opening), 0.6),
        Box.slab((5, 5.1), (2, 3), 0.6),
        Box.slab((9, 10), (-3, 3), room + 0.2, 0.2, overhead=True),
        Box.slab((12, 12.2), (-2.2, -1), 0.2, 0.1, overhead=True),
    ]
    return SubTerrain(boxes, np.array([(5.05, 2 - opening / 2), (12.0, 0.0)]))


def crowded(difficulty: float, rng: np.random.Generator, params: object) -> SubTerrain:
    good = course(difficulty, rng, params)
    return SubTerrain([*good.boxes] * (8 if difficulty > 0.6 else 1), good.goals)


def nothing(difficulty: float, rng: np.random.Generator, params: object) -> None:
    return None


def subject(name: str) -> Subject:
    spec = TerrainSpec(name=name, summary="made for the test", target=f"tests.testing.test_worst:{name}")
    item = RegisteredSpec(spec, "parkour-tests", "1", "tests")
    return Subject.of(item, Registry([item]), CheckOptions(difficulties=3, seeds=2))


def test_what_a_robot_meets_is_measured() -> None:
    cases = {case.what: case for case in worst_cases(subject("course"))}
    assert cases["widest gap"].value == pytest.approx(0.7, abs=0.06)
    assert cases["highest step"].value == pytest.approx(0.3, abs=1e-5)
    assert cases["narrowest way"].value == pytest.approx(0.4, abs=0.06)
    assert {case.difficulty for case in cases.values() if case.unit} == {1.0}
    assert str(cases["most boxes"]) == "most boxes 6: difficulty 0.00, seed 0"


def test_walls_and_ceilings_are_measured() -> None:
    cases = {case.what: case for case in worst_cases(subject("walled"))}
    assert cases["narrowest way"].value == pytest.approx(0.7, abs=0.06)
    assert cases["lowest ceiling"].value == pytest.approx(0.3, abs=1e-5)
    assert cases["lowest ceiling"].difficulty == cases["narrowest way"].difficulty == 1.0
    assert "lowest ceiling" not in {case.what for case in worst_cases(subject("course"))}


def test_failing_draws_are_drawn_too(tmp_path: Path) -> None:
    found = subject("crowded")
    path = draw_worst(found, worst_cases(found), tmp_path)
    assert path is not None and path.read_bytes().startswith(b"\x89PNG")
    assert path.name == "parkour-tests_crowded.png"


def test_where_nothing_can_be_drawn_nothing_is(tmp_path: Path) -> None:
    found = subject("nothing")
    with pytest.raises(NotChecked):
        worst_cases(found)
    assert draw_worst(found, [], tmp_path) is None
    assert list(tmp_path.iterdir()) == []
