"""Whether a spec is what it must be: of its type, with fields of theirs, fit for lists on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from parkour.registry.targets import TARGET_PATTERN
from parkour.specs import SPEC_TYPES, Kind, ObservationSpec, RobotSpec, TerminationSpec

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
RESOURCE_PATTERN = re.compile(r"[\w.]+:[\w./-]+\.toml")
FOLDER_PATTERN = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[\w-][\w.-]*(/[\w-][\w.-]*)*")
"""``package:folder/folder``; no name begins with a dot."""


def spec_problem(kind: Kind, spec: Any) -> str | None:
    """What is wrong with a spec, in words, or None.

    Types are compared exactly: a subclass, of ``str`` too, may answer otherwise the next time it is asked.
    """
    if type(spec) is not SPEC_TYPES[kind]:
        return f"got {kind_of(spec)}, expected {SPEC_TYPES[kind].__name__}"
    name = spec.name
    if type(name) is not str or not NAME_PATTERN.fullmatch(name):
        shown = repr(name[:80]) if type(name) is str else kind_of(name)
        return f"got name {shown}, expected lower-case letters, digits, '-', '_' and '.', at most 64"
    for path, value, expected in _misfits(spec):
        got = ascii(value)[:80] if type(value) in (str, int, float, bool) else kind_of(value)
        return f"{name!r}: got {path} {got}, expected {expected}"
    pattern, expected = (FOLDER_PATTERN, "package:folder") if kind == "robot" else (TARGET_PATTERN, "module:attribute")
    if not (pattern.fullmatch(spec.target) or (kind == "task" and RESOURCE_PATTERN.fullmatch(spec.target))):
        return f"{name!r}: got target {spec.target!r}, expected {expected!r}"
    if spec.params is not None and not TARGET_PATTERN.fullmatch(spec.params):
        return f"{name!r}: got params {spec.params!r}, expected 'module:Class' or None"
    if isinstance(spec, RobotSpec) and spec.model is not None and not TARGET_PATTERN.fullmatch(spec.model):
        return f"{name!r}: got model {spec.model!r}, expected 'module:function' or None"
    twin = spec.twin if isinstance(spec, (ObservationSpec, TerminationSpec)) else None
    if twin is not None and not TARGET_PATTERN.fullmatch(twin):
        return f"{name!r}: got twin {twin!r}, expected 'module:attribute' or None"
    return None


def kind_of(value: Any) -> str:
    """What an object is, without asking it."""
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _misfits(item: Any) -> Iterator[tuple[str, Any, str]]:
    """Field, value and what was expected, of a dataclass."""
    hints = _hints(type(item))
    for field in fields(item):
        value = getattr(item, field.name)
        if (expected := _expected(value, hints[field.name])) is not None:
            yield field.name, value, expected


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _expected(value: Any, hint: Any) -> str | None:
    """What a value of the type ``hint`` is, where ``value`` is none."""
    origin, choices = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        misfits = [_expected(value, choice) for choice in choices]
        return None if None in misfits else " or ".join(str(misfit) for misfit in misfits)
    if origin is Literal:
        return None if type(value) is str and value in choices else f"one of {', '.join(choices)}"
    if origin is tuple:
        inner = choices[0]
        if type(value) is not tuple:
            return "a tuple"
        return next((f"a tuple of {misfit}" for each in value if (misfit := _expected(each, inner))), None)
    if is_dataclass(hint):
        if type(value) is not hint:
            return f"{hint.__name__}"  # type: ignore[union-attr]
        return next((f"{hint.__name__} with {path} of {wanted}" for path, _, wanted in _misfits(value)), None)  # type: ignore[union-attr]
    if hint is str:
        return None if type(value) is str and value.isprintable() else "one line of text"
    if hint is float:
        return None if type(value) in (int, float) else "a number"
    wanted = {NoneType: "None", int: "a whole number", bool: "True or False"}.get(hint, hint.__name__)
    return None if type(value) is hint else wanted
