"""Changes of values as text."""

from __future__ import annotations

from typing import Any

import pytest

from parkour.errors import TaskError
from parkour.tasks.change_text import read_settings, read_value, write_value


@pytest.mark.parametrize(
    "value",
    [
        1,
        -2.5,
        1e-7,
        True,
        "word",
        'quote " \\ and ü \U0001f600',
        "3",
        [0, 3],
        [[0.1, "a"], []],
        {"a": 1, "b c": {"d": [2.0]}},
    ],
)
def test_values_are_read_as_they_were_written(value: Any) -> None:
    text = write_value(value)
    assert read_value(text) == value and "\n" not in text


def test_the_later_of_two_counts_and_stands_last() -> None:
    assert list(read_settings(["a.b=1", "c=x", " a.b = [2]"]).items()) == [("c", "x"), ("a.b", [2])]


@pytest.mark.parametrize("text", ["a.b", "=1", "  = 2"])
def test_text_that_is_no_change_names_its_option(text: str) -> None:
    with pytest.raises(TaskError, match=r"^--student-set: got ") as error:
        read_settings([text], "--student-set")
    assert error.value.hint is not None and error.value.hint.startswith("--student-set ")
