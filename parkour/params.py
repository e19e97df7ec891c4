"""Parameter models: typed numbers with a unit, bounds and a line of text, checked before a simulator starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

Range = tuple[float, float]
"""A pair: the ends of a uniform draw, or the values at difficulty 0 and 1 (the field's text says which)."""
Magnitude = float | tuple[float, float]
"""A number, or the ends of a uniform draw: once for each robot and episode, see :mod:`parkour.mdp.magnitudes`."""


LARGEST = 1e9
"""Of a number, either way, where its field states no bounds: nothing that is measured or counted here is larger."""
LONGEST = 10_000
"""Items of a list, or characters of a text, of a parameter."""


class Params(BaseModel):
    """Base of every component's parameters: frozen, and a misspelt key is an error.

    Every number should have bounds, so that a task with a slip in it is refused before anything is built: ``ge`` and
    ``le`` of :func:`param`, or ``Annotated[…, within(low, high)]`` where it is a pair or a list. One without is bounded
    by :data:`LARGEST`.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )

    @model_validator(mode="after")
    def _no_nonsense(self) -> Self:
        for name in type(self).model_fields:
            check_size(name, getattr(self, name))
        return self


def check_size(name: str, value: Any) -> None:
    """Whether numbers, lists and texts are of a size that anything here has.

    Raises:
        ValueError: one is not; begins with ``name``.
    """
    if isinstance(value, (list, tuple, str)) and len(value) > LONGEST:
        raise ValueError(f"{name}: at most {LONGEST:,} of them, got {len(value):,}")
    if isinstance(value, (int, float)) and abs(value) > LARGEST:
        raise ValueError(f"{name}: a number within ± {LARGEST:g}, got {value:g}")
    if isinstance(value, (list, tuple)):
        for item in value:
            check_size(name, item)


class DrawnParams(Params):
    """Parameters of which some are drawn in simulation, while a robot has one number."""

    def deployed(self) -> Self:
        """A copy with plain numbers in place of what is drawn."""
        raise NotImplementedError


def param(
    default: Any = ..., *, unit: str = "", ge: float | None = None, le: float | None = None, doc: str = ""
) -> Any:
    """A field of a :class:`Params` model.

    Args:
        default: its default; ``...`` makes it required.
        unit: SI unit, for people (``parkour plugins show``).
        ge: lower bound, inclusive (of numbers only).
        le: upper bound, inclusive (of numbers only).
        doc: one line; the attribute's docstring serves as well.
    """
    return Field(default, ge=ge, le=le, description=doc or None, json_schema_extra={"unit": unit} if unit else None)


@dataclass(frozen=True)
class Within:
    """Bounds of a number, or of all numbers of a list; see :func:`within`."""

    ge: float
    le: float

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: Any) -> Any:
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, (int, float)) and not self.ge <= number <= self.le:
                raise ValueError(f"at least {self.ge:g}" if number < self.ge else f"at most {self.le:g}")
        return value


def within(ge: float, le: float) -> Within:
    """Bounds of a number, or of all numbers of a list, ends included.

    For ``Annotated[Magnitude, within(0.0, 1.0)]``; :func:`param`'s own bounds are those of plain numbers.
    """
    return Within(ge, le)


def ascending(value: Any) -> Any:
    """For ``Annotated[Magnitude, AfterValidator(ascending)]``: a pair has its lower end first."""
    if isinstance(value, tuple) and value[0] > value[1]:
        raise ValueError("the lower end first")
    return value


ORDERED = AfterValidator(ascending)
"""For ``Annotated[tuple[float, float], within(0.0, 1.0), ORDERED]``: the ends of a draw."""


def middle(value: int | tuple[int, int]) -> int:
    """The whole number in the middle of a pair, the lower one of two; a number itself."""
    return sum(value) // 2 if isinstance(value, tuple) else value
