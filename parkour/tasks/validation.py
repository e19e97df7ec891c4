"""Tables to models, with one readable line for what does not fit."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.dataclasses import is_pydantic_dataclass
from pydantic_core import ErrorDetails

from parkour.errors import TaskError
from parkour.tasks.names import KEY_PATTERN, NAME_PATTERN
from parkour.tasks.suggest import did_you_mean

Model = TypeVar("Model")
"""A pydantic model, or a pydantic dataclass."""
_ABSENT = object()
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
"""Of models, and of dataclasses."""
_NAME = "a name of letters, digits, '-', '_' and '.', at most 64 of them, that begins with a letter or digit"
_EXPECTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def validate(model: type[Model], tables: Mapping[str, Any], *, path: tuple[str, ...] = (), hint: str = "") -> Model:
    """Make a model from tables. Types are strict: no text for a number, no ``true`` for 1; whole numbers are numbers.

    Args:
        model: what to make.
        tables: TOML values.
        path: where in the task the tables are, for errors.
        hint: what to try if they do not fit.

    Raises:
        TaskError: the first thing that does not fit: its path, what was got and what was expected.
    """
    try:
        # JSON is pydantic's mode for data that came from a file: strict, yet a list may become a tuple.
        return TypeAdapter(model).validate_json(json.dumps(tables, default=str), strict=True)
    except ValidationError as error:
        raise TaskError(_message(model, tables, path, error.errors(include_url=False)), hint=hint or None) from None


def _message(model: type[Any], tables: Mapping[str, Any], path: tuple[str, ...], errors: list[ErrorDetails]) -> str:
    """One line about the first problem, and how many more there are."""
    located = [(_locate(tables, error), error) for error in errors]
    # An unknown key is the cause of a missing one more often than the other way round.
    located.sort(key=lambda pair: pair[1]["type"] not in _UNKNOWN_KEY)
    place, first = located[0]
    same = [error for where, error in located if where == place]
    others = len({where for where, _ in located}) - 1
    dotted = ".".join((*path, *place))
    if first["type"] in _UNKNOWN_KEY:
        known = _fields(model, place[:-1])
        line = f"unknown key {dotted!r}; {did_you_mean(place[-1], known)}"
    elif first["type"] == "missing":
        line = f"{dotted}: missing"
    else:
        expected = " or ".join(dict.fromkeys(_expected(error) for error in same))
        line = f"{dotted}: got {_short(_value(tables, place))}, expected {expected}" if dotted else expected
    return f"{line} (and {others} more)" if others else line


def _locate(tables: Any, error: ErrorDetails) -> tuple[str, ...]:
    """The error's location without the names of union branches that pydantic puts into it."""
    parts: list[str] = []
    found = tables
    last = error["loc"][-1] if error["loc"] else None
    for part in error["loc"]:
        child = _child(found, part)
        if child is _ABSENT and not (error["type"] == "missing" and part is last):
            break
        found = child
        parts.append(str(part))
    return tuple(parts)


def _child(tables: Any, part: str | int) -> Any:
    """The value at one step of a location, or ``_ABSENT``."""
    if isinstance(tables, (list, tuple)) and isinstance(part, int) and part < len(tables):
        return tables[part]
    return tables.get(part, _ABSENT) if isinstance(tables, Mapping) else _ABSENT


def _value(tables: Any, place: Iterable[str]) -> Any:
    for part in place:
        tables = _child(tables, int(part) if isinstance(tables, (list, tuple)) else part)
    return tables


def _short(value: Any) -> str:
    """A value as TOML would have it, cut to one short line."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _expected(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "greater_than":
            return f"a number above {context['gt']:g}"
        case "greater_than_equal":
            return f"a number of at least {context['ge']:g}"
        case "less_than":
            return f"a number below {context['lt']:g}"
        case "less_than_equal":
            return f"a number of at most {context['le']:g}"
        case "literal_error":
            return str(context["expected"])
        case "string_pattern_mismatch":
            if KEY_PATTERN in context["pattern"]:
                return "a name of letters, digits, '_', '-', '.' and ':', at most 128 of them"
            return _NAME if NAME_PATTERN in context["pattern"] else f"text like {context['pattern']}"
        case "too_short":
            return f"at least {context['min_length']} values"
        case "too_long":
            return f"at most {context['max_length']} values"
        case kind if kind in _EXPECTED:
            return _EXPECTED[kind]
        case "value_error" | "assertion_error":
            return str(context.get("error", error["msg"]))
        case _:
            message = error["msg"]
            return message[:1].lower() + message[1:]


def _fields(model: Any, place: Iterable[str]) -> set[str]:
    """Names of the fields of the model at a path below another."""
    for part in place:
        if _is_model(model):
            field = model.__pydantic_fields__.get(part)
            model = _inner(field.annotation) if field else None
        elif get_origin(model) in (dict, Mapping):
            model = _inner(get_args(model)[1])
    return set(model.__pydantic_fields__) if _is_model(model) else set()


def _inner(annotation: Any) -> Any:
    """The model or mapping among the branches of a union; the annotation itself otherwise."""
    if get_origin(annotation) in (Union, types.UnionType):
        branches = [arg for arg in get_args(annotation) if arg is not type(None) and get_origin(arg) is not Literal]
        return next((arg for arg in branches if _is_model(arg)), branches[0] if branches else annotation)
    return annotation


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and (issubclass(value, BaseModel) or is_pydantic_dataclass(value))
