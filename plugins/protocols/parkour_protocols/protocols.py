"""The protocols: what each changes of the task, and how robots are spread over its courses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from parkour import EvaluationProtocol


def _changes(seconds: float, speed: tuple[float, float], levels: int, difficulty: str) -> Mapping[str, Any]:
    """What every protocol settles: length and speed of the episodes, and a field that robots are spread over."""
    return {
        "timing.episode_length": seconds,
        "command.speed": list(speed),
        "command.resample": "never",
        "course.levels": levels,
        "course.difficulty": difficulty,
        "course.curriculum": False,
        "course.start_levels": [0, levels - 1],
    }


COURSE = EvaluationProtocol(
    changes=_changes(30.0, (0.8, 0.8), 20, "levels"),
    equal_shares=True,
    stratified=True,
)
REFERENCE = EvaluationProtocol(
    changes={**_changes(20.0, (0.3, 0.8), 5, "random"), "course.columns": 5},
    equal_shares=False,
    stratified=False,
)
GAUNTLET = replace(COURSE, degraded=True)
