"""A field is built once as long as the same one is wanted, and anew for any other."""

from __future__ import annotations

import numpy as np
import pytest

from parkour.tasks import load_task
from parkour.tasks.build import build_terrain

FEW = {"course.levels": 2, "course.columns": 5}


def test_the_same_courses_are_built_once() -> None:
    first = build_terrain(load_task("go2-teacher", changes=FEW), 3)
    slow = load_task("go2-teacher", changes={**FEW, "control.action_delay": 2, "events.push.interval": 1.0})
    assert build_terrain(slow, 3) is first


@pytest.mark.parametrize(
    ("changes", "seed"),
    [
        ({}, 4),
        ({"course.levels": 3}, 3),
        ({"terrains.gap.share": 0.0}, 3),
        ({"terrains.gap.params.half_width": [1.0, 1.1]}, 3),
    ],
)
def test_other_courses_are_built_anew(changes: dict[str, object], seed: int) -> None:
    first = build_terrain(load_task("go2-teacher", changes=FEW), 3)
    other = build_terrain(load_task("go2-teacher", changes={**FEW, **changes}), seed)
    assert other is not first
    assert other.boxes.shape != first.boxes.shape or not np.array_equal(other.boxes, first.boxes)
    again = build_terrain(load_task("go2-teacher", changes=FEW), 3)
    assert again is not first and np.array_equal(again.boxes, first.boxes)
