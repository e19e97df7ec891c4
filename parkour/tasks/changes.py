"""Changes to a task: a mapping of what is changed to its new value.

``{"rewards.feet_edge.weight": -2.0}`` sets a value at a path, which is written as a dotted key of TOML; keys with dots
or colons are quoted (``terrains."my-plugin:gap".share``). ``{"terrain:balance_beam": 0.2}`` adds a component of a kind,
with its share, weight or interval, or ``True`` where there is none. The command line writes the same as ``--set`` and
``--with``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from parkour.arguments import plain
from parkour.errors import TaskError
from parkour.reading import DEEPEST, LONGEST_KEY, MalformedError
from parkour.tasks.suggest import did_you_mean
from parkour.tasks.table import Table, merge

Changes = Mapping[str, Any]
"""Paths and components to values, in the order in which they are applied (components first)."""
Path = tuple[str, ...]
"""Keys from the top of a task's tables."""

SECTIONS = {
    "terrain": "terrains",
    "reward": "rewards",
    "observation": "observations",
    "termination": "terminations",
    "event": "events",
    "command_term": "commands",
}
"""Table of the task that holds the components of each kind that can be added."""
NUMBERS = {"terrain": "share", "reward": "weight", "event": "interval"}
"""What the value of an added component means."""
_KEY_PART = re.compile(r'"([^"]*)"|([^."=\s]+)')
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ADDITION = re.compile(r'([^."=\s:]*):(.*)')
_EXAMPLE = "--set rewards.feet_edge.weight=-2"
_EXAMPLE_IN_PYTHON = 'changes={"rewards.feet_edge.weight": -2.0}'
_EXAMPLE_ADDED = (
    "--with terrain:NAME=SHARE, reward:NAME=WEIGHT, observation:NAME, termination:NAME, event:NAME or command_term:NAME"
)


def apply_changes(tables: Mapping[str, Any], changes: Changes) -> Table:
    """A copy of a task's tables with components added, then values set.

    Raises:
        TaskError: a change is malformed or addresses a component that the task does not have.
    """
    result = merge(tables, {})
    for name, value in changes.items():
        if match := _ADDITION.fullmatch(name):
            _add_component(result, match[1], match[2], value)
    for name, value in changes.items():
        if not _ADDITION.fullmatch(name):
            result = _set_value(result, name, value)
    return result


def checked_changes(changes: object) -> Changes:
    """Changes with what numpy and torch made in them as Python's own.

    Raises:
        TaskError: they are something else than values by their paths.
    """
    if not isinstance(changes, Mapping) or not all(isinstance(name, str) for name in changes):
        raise TaskError(f"got the changes {changes!r}, expected values by their paths", hint=_EXAMPLE_IN_PYTHON)
    try:
        return {path: plain(value) for path, value in changes.items()}
    except MalformedError as error:
        raise TaskError(f"the changes: {error}", hint=_EXAMPLE_IN_PYTHON) from None


def changed_paths(tables: Mapping[str, Any], changes: Changes) -> list[Path]:
    """Where ``changes`` were applied to ``tables``."""
    paths: list[Path] = []
    for name in changes:
        if match := _ADDITION.fullmatch(name):
            section = SECTIONS[match[1]]
            paths.append((section, _free_key(_components(tables, section), match[2])))
        else:
            paths.append(split_path(name))
    return paths


def split_path(text: str) -> Path:
    """``a.b."c.d"`` → ``("a", "b", "c.d")``.

    Raises:
        TaskError: it is no path.
    """
    parts: list[str] = []
    position = 0
    while match := _KEY_PART.match(text, position):
        parts.append(match[1] if match[1] is not None else match[2])
        if len(parts) > DEEPEST or len(parts[-1]) > LONGEST_KEY:
            raise TaskError(f"got a path of {len(text):,} characters, expected at most {DEEPEST} keys", hint=_EXAMPLE)
        position = match.end()
        if position == len(text):
            return tuple(parts)
        if text[position] != ".":
            break
        position += 1
    raise TaskError(f"got the path {text[:80]!r}, expected keys with dots between them", hint=_EXAMPLE)


def join_path(path: Path) -> str:
    """The reverse of :func:`split_path`."""
    return ".".join(key if _BARE_KEY.fullmatch(key) else f'"{key}"' for key in path)


def _set_value(tables: Table, name: str, value: Any) -> Table:
    path = split_path(name)
    if path[0] in SECTIONS.values() and len(path) > 1:
        known = _components(tables, path[0])
        if path[1] not in known:
            kind = next(kind for kind, section in SECTIONS.items() if section == path[0])
            raise TaskError(
                f"{name}: unknown {kind} {path[1]!r} in {path[0]}; {did_you_mean(path[1], known)}",
                hint=f"to add it: --with {kind}:{path[1]}{'=NUMBER' if kind in ('terrain', 'reward') else ''}",
            )
    found: Any = tables
    for position, key in enumerate(path):
        if not isinstance(found, dict):
            raise TaskError(f"{name}: {'.'.join(path[:position])} is {found!r}, so there is nothing below it")
        found = found.get(key, {})
    change: Any = value
    for key in reversed(path):
        change = {key: change}
    return merge(tables, change)


def _add_component(tables: Table, kind: str, name: str, value: Any) -> None:
    text = f"{kind}:{name}"
    if not kind or not name:
        raise TaskError(f"got {text!r}, expected kind:name", hint=_EXAMPLE_ADDED)
    if kind not in SECTIONS:
        raise TaskError(f"{text}: unknown kind {kind!r}; {did_you_mean(kind, SECTIONS)}", hint=_EXAMPLE_ADDED)
    use: Table = {"use": name, "enabled": True}
    if value is not True:
        if kind not in NUMBERS:
            raise TaskError(
                f"{text}: got {value!r}, expected no number for a component of kind {kind}", hint=f"--with {text}"
            )
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TaskError(f"{text}: got {NUMBERS[kind]} {value!r}, expected a number")
        use[NUMBERS[kind]] = value
    elif kind in ("terrain", "reward"):
        raise TaskError(f"{text}: expected a {NUMBERS[kind]}", hint=f"--with {text}={NUMBERS[kind].upper()}")
    section = SECTIONS[kind]
    components = _components(tables, section)
    key = _free_key(components, name)
    old = components.get(key)
    tables[section] = {**components, key: merge(old, use) if isinstance(old, dict) else use}


def _components(tables: Mapping[str, Any], section: str) -> Table:
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
