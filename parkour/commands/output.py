"""What commands print: results on stdout (tables for people, JSON for programs), notices and errors on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from parkour.errors import ParkourError


class _StderrHandler(logging.Handler):
    """Writes records to whatever ``sys.stderr`` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        print(f"{level}{record.getMessage()}", file=sys.stderr)


def setup_logging(verbose: bool) -> None:
    """Show warnings of ``parkour`` on stderr, one line each; everything with ``verbose``."""
    log = logging.getLogger("parkour")
    log.handlers[:] = [_StderrHandler()]
    log.setLevel(logging.DEBUG if verbose else logging.WARNING)
    log.propagate = False


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
    print(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def console() -> Console:
    """Rich's console on stdout. Piped output is not cut to 80 columns."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 200
    return Console(width=width, highlight=False)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people, on stdout. Cells are plain text; nothing in them is read as markup.

    Args:
        title: line above the table; none if empty.
        columns: headings.
        rows: cells, as many per row as there are columns.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    screen = console()
    if title:  # Not the table's own, which is broken at the table's width.
        screen.print(Text(title, style="italic"))
    screen.print(table)
