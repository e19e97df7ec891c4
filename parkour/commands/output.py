"""What commands print: results on stdout (tables for people, JSON for programs), notices and errors on stderr.

Everything that is printed passes through this module, :mod:`parkour.commands.tables`, :mod:`parkour.commands.logs` or
:class:`parkour.terminal.Terminal`: there text of strangers is made :func:`parkour.text.printable`, and nowhere else.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from parkour.stages import clear_line
from parkour.text import one_line, printable

if TYPE_CHECKING:
    from parkour.errors import ParkourError
    from parkour.terminal import Terminal


_PIPED_WIDTH = 200


def notice(text: str) -> None:
    """A line for people, on stderr."""
    clear_line()
    print(printable(text, lines=True), file=sys.stderr)


def print_result(result: object) -> None:
    """A result as text, on stdout: a path, a document."""
    print(printable(str(result), lines=True))


def print_error(error: ParkourError) -> None:
    """An error as one line on stderr, and one more with what to try."""
    print(f"error: {one_line(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"hint: {one_line(error.hint)}", file=sys.stderr)


def print_usage_error(error: Any) -> None:
    """Wrong usage, a :data:`parkour.commands.help.UsageError`, as any other error; help where that was asked for."""
    message = error.format_message()
    if message.startswith("Usage:"):
        print(printable(message, lines=True), file=sys.stderr)
        return
    print(f"error: {one_line(message)}", file=sys.stderr)
    print(f"hint: {error.ctx.command_path if error.ctx else 'parkour'} -h", file=sys.stderr)


def print_json(data: Any) -> None:
    """Data for programs, on stdout."""
    import json

    text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    # What a terminal would obey has escapes of JSON's own.
    print("".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text))


def console() -> Terminal:
    """Rich's console on stdout. Piped output is as wide as COLUMNS says, else wide enough for any table."""
    from parkour.terminal import Terminal

    return Terminal(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH)
