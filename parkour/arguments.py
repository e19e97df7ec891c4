"""What Python callers hand over, made plain: a line says what was got in place of what was expected. Imports nothing
heavy."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from parkour.errors import ParkourError
from parkour.reading import check_values

LARGEST_SEED = (1 << 63) - 1
"""What torch's and numpy's generators both take."""
T = TypeVar("T")


@runtime_checkable
class Array(Protocol):
    """Numbers of numpy or torch."""

    def tolist(self) -> Any:
        """As Python's own."""
        ...


def whole(name: str, value: object, least: int | None = None, most: int | None = None) -> int:
    """A whole number, Python's or numpy's.

    Raises:
        ParkourError: it is something else, or out of bounds.
    """
    try:
        number = operator.index(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, RuntimeError):  # torch raises what it likes.
        number = None
    if number is None or isinstance(value, bool):
        raise ParkourError(f"{name}: got {value!r}, expected a whole number")
    if least is not None and number < least:
        raise ParkourError(f"{name}: got {number}, expected at least {least}")
    if most is not None and number > most:
        raise ParkourError(f"{name}: got {number}, expected at most {most:,}")
    return number


def seed_number(name: str, value: object) -> int:
    """A seed of random numbers.

    Raises:
        ParkourError: it is none.
    """
    return whole(name, value, 0, LARGEST_SEED)


def number_within(name: str, value: float, low: float, high: float) -> None:
    """Whether a number is one, and within bounds; whole ones are told with all their digits.

    Raises:
        ParkourError: it is not.
    """
    if not low <= value <= high:  # NaN is not, either.
        got, least, most = (str(each) if isinstance(each, int) else f"{each:g}" for each in (value, low, high))
        raise ParkourError(f"{name}: got {got}, expected {least} to {most}")


def real(name: str, value: object) -> float:
    """A number, Python's or numpy's; NaN and infinities too.

    Raises:
        ParkourError: it is none, or too large to be one.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ParkourError(f"{name}: got {value!r}, expected a number")
    try:
        return float(value)
    except OverflowError:
        raise ParkourError(f"{name}: got a number of more than 300 digits, expected a smaller one") from None


def texts(name: str, value: object) -> tuple[str, ...]:
    """Texts in a list or tuple; one text alone would be taken for its letters.

    Raises:
        ParkourError: it is something else, or something else is in it.
    """
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise ParkourError(f"{name}: got {value!r}, expected a list of texts")
    return tuple(value)


def place(name: str, value: object) -> Path:
    """A file or folder.

    Raises:
        ParkourError: it is no path.
    """
    if not isinstance(value, (str, os.PathLike)) or "\0" in os.fsdecode(value):
        raise ParkourError(f"{name}: got {value!r}, expected a path")
    return Path(value)


def instance(name: str, value: object, kind: type[T]) -> T:
    """A value of a class.

    Raises:
        ParkourError: it is of another.
    """
    if not isinstance(value, kind):
        raise ParkourError(f"{name}: got {value!r}, expected {kind.__name__}")
    return value


def plain(value: Any) -> Any:
    """A value with the numbers and arrays of numpy and torch in it as Python's own.

    Raises:
        MalformedError: its tables or lists are nested too deep, as those that contain themselves are.
    """
    return _plain(check_values(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value) if type(value) in (list, tuple) else value
    return value.tolist() if isinstance(value, Array) else value


def options_or(options: T | None, usual: T) -> T:
    """Options that a caller gave, or else the usual ones.

    Raises:
        ParkourError: they are those of another call.
    """
    return usual if options is None else instance("options", options, type(usual))
