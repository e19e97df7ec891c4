"""Two thousand hostile inputs of every kind: no traceback, no hang, no silent nonsense.

``python benchmarks/fuzz.py`` tries twenty thousand and writes the report.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from parkour.errors import ParkourError
from tests.robustness import fuzzing
from tests.robustness.fuzzing import NonsenseError, fuzz
from tests.robustness.targets_of_files import all_targets

INPUTS = 2000


def test_hostile_inputs_are_refused_in_one_line_or_sound(tmp_path: Path) -> None:
    logging.getLogger("parkour").setLevel(logging.ERROR)  # Warnings by the thousand.
    result = fuzz(all_targets(tmp_path), INPUTS)
    logging.getLogger("parkour").setLevel(logging.WARNING)
    assert result.failures == []
    assert result.tried >= INPUTS - 20
    refused = sum(count.refused for count in result.counts.values())
    accepted = sum(count.accepted for count in result.counts.values())
    assert refused > INPUTS // 2 and accepted > INPUTS // 10 and refused + accepted == result.tried


def test_every_outcome_is_told_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "PATIENCE", 2.0)

    def endless(rng: object) -> None:
        while True:
            pass

    def refuses(rng: object) -> None:
        raise ParkourError("got x, expected y")

    def leaves(rng: object) -> None:
        raise SystemExit

    def accepts_nonsense(rng: object) -> None:
        raise NonsenseError("x")

    cases = {"hang": endless, "clean": refuses, "traceback": leaves, "nonsense": accepts_nonsense}
    result = fuzz({name: (1, case) for name, case in cases.items()}, 4)
    assert {failure.target: failure.outcome for failure in result.failures} == {
        "hang": "hang", "traceback": "traceback", "nonsense": "nonsense"
    }  # fmt: skip
    assert result.counts["clean"].refused == 1
