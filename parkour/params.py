"""Parameter models: typed numbers with a unit, bounds and a line of text, checked before a simulator starts."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Range = tuple[float, float]
"""A pair: the ends of a uniform draw, or the values at difficulty 0 and 1 (the field's text says which)."""


class Params(BaseModel):
    """Base of every component's parameters: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


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
