"""Figures and counts for people."""

from __future__ import annotations

import math

import pytest

from parkour.text import counted, rounded


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (134.4, 2, "134"),
        (99.9, 2, "100"),
        (9.96, 2, "10"),
        (0.0376, 3, "0.0376"),
        (-1234.6, 3, "-1235"),
        (0.0, 3, "0"),
        (math.nan, 2, "nan"),
    ],
)
def test_figures_are_rounded_and_not_in_powers_of_ten(value: float, digits: int, text: str) -> None:
    assert rounded(value, digits) == text


def test_a_sign_is_written_where_it_is_asked_for() -> None:
    assert (rounded(1234.5, 3, "+"), rounded(0.5, 3, "+"), rounded(-2.0, 3, "+")) == ("+1234", "+0.5", "-2")


def test_one_is_counted_in_the_singular() -> None:
    assert [counted(number, "iteration") for number in (0, 1, 2)] == ["0 iterations", "1 iteration", "2 iterations"]
    assert [counted(number, "minute") for number in (1.0, 0.5, 15.0)] == ["1 minute", "0.5 minutes", "15 minutes"]
