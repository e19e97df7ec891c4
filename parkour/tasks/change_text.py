"""Changes of values as text, as people write them after ``--set``: ``dotted.path=value``, the value in TOML.

See :mod:`parkour.tasks.changes` for what the paths mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parkour.errors import TaskError
from parkour.reading import BeyondLimitsError, MalformedError, parse_toml

OPTION = "--set"


def read_settings(texts: Iterable[str], option: str = OPTION) -> dict[str, Any]:
    """Values by their paths; of two at one path the later counts, and has the later place.

    Args:
        texts: ``"dotted.path=value"``; a value that is no TOML, as a bare word, is text.
        option: through which they came, for errors.

    Raises:
        TaskError: one of them is malformed.
    """
    changes: dict[str, Any] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise TaskError(
                f"{option}: got {text!r}, expected path=value", hint=f"{option} rewards.feet_edge.weight=-2"
            )
        changes.pop(path.strip(), None)
        changes[path.strip()] = read_value(value.strip(), option)
    return changes


def read_value(text: str, option: str = OPTION) -> Any:
    """A TOML value; a bare word is text.

    Raises:
        TaskError: it is nested deeper than tasks may be.
    """
    try:
        parsed = parse_toml(f"value = {text}")
    except BeyondLimitsError as error:
        raise TaskError(f"{option}: {error}") from None
    except MalformedError:
        return text
    return parsed["value"] if parsed.keys() == {"value"} else text


def write_value(value: Any) -> str:
    """The reverse of :func:`read_value`: one line of TOML."""
    import tomli_w  # Only those that write need it.

    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(key)} = {write_value(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(write_value(item) for item in value)}]"
    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()


def _key(name: str) -> str:
    from parkour.tasks.changes import join_path

    return join_path((name,))
