"""The count of a distillation's operators: known functions, and parts of a real step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.mujoco
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def counting() -> Iterator[Any]:
    """The script ``benchmarks/student_operators.py``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        import student_operators  # pyright: ignore[reportMissingImports]

        yield student_operators
        sys.modules.pop("student_operators", None)


def test_operators_waits_and_memory_are_those_of_the_part_that_runs(counting: Any) -> None:
    values, ids = torch.zeros(1000, 4), torch.tensor([1, 2])
    counter = counting.OperatorCounter()
    with counter:
        _ = (values + values.view(1000, 4).expand(1000, 4)).T  # One operator, and views.
        with counter.named("chosen"):
            _ = values[ids]
            values.index_fill_(0, ids, 1.0)
        with counter.named("waits"):
            _ = values[:, 0].nonzero()
    tallies = counter.tallies
    assert (tallies["other"].operators, tallies["other"].bytes) == (1, 3 * 16000)
    # Two rows of 16 bytes read and written, and two numbers of 8 that say which; then these and what they choose.
    assert (tallies["chosen"].operators, tallies["chosen"].bytes) == (2, (16 + 32 + 32) + (16 + 16))
    assert (tallies["waits"].operators, tallies["waits"].waits) == (1, 1)


def test_a_step_is_told_by_its_parts(counting: Any) -> None:
    steps = counting.run("train+fast+compact+robust", 24, 10)
    assert {step.kind for step in steps} >= {"perception", "between"}
    found = counting.means(steps)
    for kind in ("perception", "between"):
        assert found[kind]["depth: zoom"]["operators"] > 5 and found[kind]["camera: render"]["operators"] > 5
    assert all(row["waits"] == 0 for row in found["perception"].values())
    text = counting.table("robust", 8, steps)
    assert "depth: zoom" in text and text.splitlines()[-1].startswith("all")
