"""Tables on stdout: drawn by Rich on a terminal, plain lines for pipes and files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from parkour.text import printable

GAP = "  "
"""Between columns."""


class Styled(str):
    """A cell that a terminal shows in a style of Rich's: ``Styled("broken", "red")``."""

    style: str

    def __new__(cls, text: str, style: str) -> Styled:
        cell = super().__new__(cls, text)
        cell.style = style
        return cell


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people, on stdout. Cells are plain text; nothing in them is read as markup.

    In a pipe or a file every row is one line, however long, so that it can be searched.

    Args:
        title: line above the table; none if empty.
        columns: headings.
        rows: cells, as many per row as there are columns.
    """
    cells = [[_shown(cell) for cell in row] for row in rows]
    title = printable(title)
    if sys.stdout.isatty():
        _draw(title, columns, cells)
        return
    for line in _lines(title, columns, cells):
        print(line)


def _shown(cell: object) -> str:
    """Escaped before widths are measured."""
    text = str(cell)
    if text.isprintable() and isinstance(cell, str):
        return cell
    shown = printable(text, lines=True)
    return Styled(shown, cell.style) if isinstance(cell, Styled) else shown


def _lines(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    # A cell of several lines goes on below itself.
    broken = [part for row in rows for part in zip_longest(*(cell.splitlines() or [""] for cell in row), fillvalue="")]
    widths = [max(map(len, column)) for column in zip(columns, *broken, strict=True)]
    if title:
        yield title
    for row in (columns, ["─" * width for width in widths], *broken):
        yield GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""


def _draw(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from parkour.commands.output import console

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=cell.style if isinstance(cell, Styled) else "") for cell in row))
    screen = console()
    if title:  # Not the table's own, which is broken at the table's width.
        screen.print(Text(title, style="italic"))
    screen.print(table)
