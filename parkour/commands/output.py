"""What commands print: results on stdout (tables for people, JSON for programs), notices and errors on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from parkour.errors import ParkourError


def notice(text: str) -> None:
    """A line for people, on stderr."""
    print(text, file=sys.stderr)


def print_error(error: ParkourError) -> None:
    """An error as one line on stderr, and one more with what to try."""
    print(f"error: {_one_line(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"hint: {_one_line(error.hint)}", file=sys.stderr)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def print_json(data: Any) -> None:
    """Data for programs, on stdout."""
    import json

    print(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def console() -> Console:
    """Rich's console on stdout. Piped output is not cut to 80 columns."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 200
    return Console(width=width, highlight=False)
