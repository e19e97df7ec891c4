"""Changes to a task from the command line: ``--set rewards.feet_edge.weight=-2``, ``--with terrain:beam=0.2``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any

from parkour.errors import TaskError
from parkour.tasks.document import Table, merge
from parkour.tasks.suggest import did_you_mean

SECTIONS = {
    "terrain": "terrains",
    "reward": "rewards",
    "observation": "observations",
    "termination": "terminations",
    "event": "events",
}
"""Table of the task that holds the components of each kind that ``--with`` can add."""
NUMBERS = {"terrain": "share", "reward": "weight", "event": "interval"}
"""What the number after ``=`` means."""
_KEY_PART = re.compile(r'"([^"]*)"|([^."=\s]+)')
_EXAMPLE_SET = "--set rewards.feet_edge.weight=-2"
_EXAMPLE_WITH = "--with terrain:NAME=SHARE, reward:NAME=WEIGHT, observation:NAME, termination:NAME or event:NAME"


def apply_overrides(tables: Table, *, sets: Iterable[str] = (), withs: Iterable[str] = ()) -> Table:
    """A copy of a task's tables with components added, then values set.

    Args:
        tables: the task, overlay applied.
        sets: ``"dotted.path=value"``, the value in TOML (bare words count as text).
        withs: ``"kind:name"`` or ``"kind:name=number"``; the name may be a canonical id.

    Raises:
        TaskError: an override is malformed or addresses a component that the task does not have.
    """
    for text in withs:
        tables = _add_component(tables, text)
    for text in sets:
        tables = _set_value(tables, text)
    return tables


def _set_value(tables: Table, text: str) -> Table:
    path_text, equals, value_text = text.partition("=")
    path = _split_path(path_text.strip())
    if not equals or not path:
        raise TaskError(f"--set: got {text!r}, expected path=value", hint=_EXAMPLE_SET)
    if path[0] in SECTIONS.values() and len(path) > 1:
        known = _components(tables, path[0])
        if path[1] not in known:
            kind = next(kind for kind, section in SECTIONS.items() if section == path[0])
            raise TaskError(
                f"--set: unknown {kind} {path[1]!r} in {path[0]}; {did_you_mean(path[1], known)}",
                hint=f"to add it: --with {kind}:{path[1]}{'=NUMBER' if kind in ('terrain', 'reward') else ''}",
            )
    found: Any = tables
    for position, key in enumerate(path):
        if not isinstance(found, dict):
            raise TaskError(f"--set: {'.'.join(path[:position])} is {found!r}, so there is no {'.'.join(path)!r}")
        found = found.get(key, {})
    change: Any = parse_value(value_text.strip())
    for key in reversed(path):
        change = {key: change}
    return merge(tables, change)


def _split_path(text: str) -> list[str]:
    """``a.b."c.d"`` → ``["a", "b", "c.d"]``; empty if malformed."""
    parts: list[str] = []
    position = 0
    while match := _KEY_PART.match(text, position):
        parts.append(match[1] if match[1] is not None else match[2])
        position = match.end()
        if position == len(text):
            return parts
        if text[position] != ".":
            return []
        position += 1
    return []


def parse_value(text: str) -> Any:
    """A TOML value; a bare word is text."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if parsed.keys() == {"value"} else text


def _add_component(tables: Table, text: str) -> Table:
    kind, colon, rest = text.partition(":")
    name, equals, number_text = rest.partition("=")
    if not colon or not name:
        raise TaskError(f"--with: got {text!r}, expected kind:name", hint=_EXAMPLE_WITH)
    if kind not in SECTIONS:
        raise TaskError(f"--with: unknown kind {kind!r}; {did_you_mean(kind, SECTIONS)}", hint=_EXAMPLE_WITH)
    use: Table = {"use": name, "enabled": True}
    if equals:
        if kind not in NUMBERS:
            raise TaskError(
                f"--with: got {text!r}, expected no number for a component of kind {kind}", hint=f"--with {kind}:{name}"
            )
        number = parse_value(number_text)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise TaskError(f"--with {kind}:{name}: got {NUMBERS[kind]} {number_text!r}, expected a number")
        use[NUMBERS[kind]] = number
    elif kind in ("terrain", "reward"):
        raise TaskError(
            f"--with: got {text!r}, expected a {NUMBERS[kind]}", hint=f"--with {kind}:{name}={NUMBERS[kind].upper()}"
        )
    section = SECTIONS[kind]
    return merge(tables, {section: {_free_key(_components(tables, section), name): use}})


def _components(tables: Table, section: str) -> Table:
    """A section's table; empty where the task has none, or something else, which validation will report."""
    found = tables.get(section)
    return found if isinstance(found, dict) else {}


def _free_key(section: Table, name: str) -> str:
    """The key for a component: its bare name, unless another component already has that key."""
    bare = name.rpartition(":")[2]
    taken = section.get(bare)
    if not isinstance(taken, dict) or name in (bare, taken.get("use", bare)):
        return bare
    return name
