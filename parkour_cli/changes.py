"""``--set PATH=VALUE`` and ``--with KIND:NAME=NUMBER`` as changes to a task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parkour.errors import TaskError
from parkour.tasks.change_text import read_settings, read_value

_EXAMPLE_WITH = (
    "--with terrain:NAME=SHARE, reward:NAME=WEIGHT, observation:NAME, termination:NAME, event:NAME or command_term:NAME"
)


def read_changes(sets: Iterable[str] = (), withs: Iterable[str] = ()) -> dict[str, Any]:
    """The changes that options ask for, see :mod:`parkour.tasks.changes`; of two at one path the later counts.

    Args:
        sets: ``"dotted.path=value"``, see :mod:`parkour.tasks.change_text`.
        withs: ``"kind:name"`` or ``"kind:name=number"``; the name may be a canonical id.

    Raises:
        TaskError: an option is malformed.
    """
    changes: dict[str, Any] = {}
    for text in withs:
        added, equals, number = text.partition("=")
        if ":" not in added:
            raise TaskError(f"--with: got {text!r}, expected kind:name", hint=_EXAMPLE_WITH)
        changes[added] = read_value(number.strip(), "--with") if equals else True
    for path, value in read_settings(sets).items():
        changes.pop(path, None)
        changes[path] = value
    return changes
