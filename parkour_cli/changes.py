"""``--set PATH=VALUE`` and ``--with KIND:NAME=NUMBER`` as changes to a task: their text is parsed here alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parkour.errors import TaskError
from parkour.reading import BeyondLimitsError, MalformedError, parse_toml

_EXAMPLE_SET = "--set rewards.feet_edge.weight=-2"
_EXAMPLE_WITH = (
    "--with terrain:NAME=SHARE, reward:NAME=WEIGHT, observation:NAME, termination:NAME, event:NAME or command_term:NAME"
)


def read_changes(sets: Iterable[str] = (), withs: Iterable[str] = ()) -> dict[str, Any]:
    """The changes that options ask for, see :mod:`parkour.tasks.changes`; of two at one path the later counts.

    Args:
        sets: ``"dotted.path=value"``, the value in TOML (bare words count as text).
        withs: ``"kind:name"`` or ``"kind:name=number"``; the name may be a canonical id.

    Raises:
        TaskError: an option is malformed.
    """
    changes: dict[str, Any] = {}
    for text in withs:
        added, equals, number = text.partition("=")
        if ":" not in added:
            raise TaskError(f"--with: got {text!r}, expected kind:name", hint=_EXAMPLE_WITH)
        changes[added] = parse_value(number.strip()) if equals else True
    for text in sets:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise TaskError(f"--set: got {text!r}, expected path=value", hint=_EXAMPLE_SET)
        changes.pop(path.strip(), None)
        changes[path.strip()] = parse_value(value.strip())
    return changes


def parse_value(text: str) -> Any:
    """A TOML value; a bare word is text."""
    try:
        parsed = parse_toml(f"value = {text}")
    except BeyondLimitsError as error:
        raise TaskError(f"--set, --with: {error}") from None
    except MalformedError:
        return text
    return parsed["value"] if parsed.keys() == {"value"} else text
