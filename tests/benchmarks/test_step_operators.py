"""The count of a control step's kernels, and that they do not grow more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.mujoco
ROOT = Path(__file__).parents[2]
MOST = 326
"""Kernels of a control step of go2-teacher. One more is 3 µs of 5 ms; take what a feature needs, and know of it."""


@pytest.fixture(scope="module")
def counting() -> Iterator[Any]:
    """The script ``benchmarks/step_operators.py``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        import step_operators  # pyright: ignore[reportMissingImports]

        yield step_operators
        for name in ("step_operators", "operators"):
            sys.modules.pop(name, None)


def test_operators_are_counted_as_a_gpu_runs_them(counting: Any) -> None:
    counter, values = counting.KernelCounter(), torch.zeros(10)
    with counter:
        with counter.named("finite"):
            _ = torch.isfinite(values)  # |x|, x = x, |x| != inf, and.
        with counter.named("filled"):
            _ = values.masked_fill(values > 0, 1.0)  # A comparison, a copy, and what is written into it.
    assert {name: tally.operators for name, tally in counter.tallies.items()} == {"finite": 4, "filled": 3}


def test_a_control_step_is_no_more_than_so_many_kernels(counting: Any) -> None:
    tallies = counting.run("go2-teacher", None, 8)
    kernels = counting.per_step(tallies)
    assert kernels["terminations"] > 8 and kernels["reward tracking_yaw"] > 2
    assert all(tally.waits == 0 for tally in tallies.values())
    assert sum(kernels.values()) <= MOST, counting.table(tallies, 8)
