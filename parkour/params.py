"""Parameter models: typed numbers with a unit, bounds and a line of text, checked before a simulator starts."""

from __future__ import annotations

from typing import Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Range = tuple[float, float]
"""A pair: the ends of a uniform draw, or the values at difficulty 0 and 1 (the field's text says which)."""
Magnitude = float | tuple[float, float]
"""A number, or the ends of a uniform draw: once for each robot and episode, see :mod:`parkour.mdp.magnitudes`."""


class Params(BaseModel):
    """Base of every component's parameters: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


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


def within(ge: float, le: float) -> AfterValidator:
    """Bounds of a number, or of all numbers of a list.

    For ``Annotated[Magnitude, within(0.0, 1.0)]``; :func:`param`'s own bounds are those of plain numbers.
    """

    def check(value: Any) -> Any:
        numbers = value if isinstance(value, tuple) else (value,)
        if min(numbers) < ge:
            raise ValueError(f"at least {ge:g}")
        if max(numbers) > le:
            raise ValueError(f"at most {le:g}")
        return value

    return AfterValidator(check)


def ascending(value: Any) -> Any:
    """For ``Annotated[Magnitude, AfterValidator(ascending)]``: a pair has its lower end first."""
    if isinstance(value, tuple) and value[0] > value[1]:
        raise ValueError("the lower end first")
    return value


def middle(value: int | tuple[int, int]) -> int:
    """The whole number in the middle of a pair, the lower one of two; a number itself."""
    return sum(value) // 2 if isinstance(value, tuple) else value
