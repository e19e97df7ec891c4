"""Tables on stdout: as wide as the terminal, and plain lines in pipes and files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence

from parkour.commands.layout import Line, Styled, column_groups, table_lines
from parkour.text import printable

__all__ = ["Styled", "print_figures", "print_table"]


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people, on stdout. Cells are plain text; nothing in them is read as markup.

    On a terminal, or where COLUMNS says how wide, no word is split; see :mod:`parkour.commands.layout`. In a pipe or a
    file every row is one line otherwise, however long, so that it can be searched.

    Args:
        title: line above the table; none if empty.
        columns: headings.
        rows: cells, as many per row as there are columns.
    """
    _print(title, columns, _cells(rows))


def print_figures(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table of figures, on stdout: columns for which there is no room follow in further tables, their first column
    repeated. Arguments as :func:`print_table`'s."""
    cells, width = _cells(rows), _width()
    groups = [list(range(len(columns)))] if width is None else column_groups(columns, cells, width)
    for number, group in enumerate(groups):
        of_group = [[row[j] for j in group] for row in cells]
        _print(title if number == 0 else "", [columns[j] for j in group], of_group)


def _cells(rows: Iterable[Sequence[object]]) -> list[list[str]]:
    return [[_shown(cell) for cell in row] for row in rows]


def _shown(cell: object) -> str:
    """Escaped before widths are measured."""
    text = str(cell)
    if text.isprintable() and isinstance(cell, str):
        return cell
    shown = printable(text, lines=True)
    return Styled(shown, cell.style) if isinstance(cell, Styled) else shown


def _width() -> int | None:
    """Columns of the terminal; None where no line is too long."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return None


def _print(title: str, columns: Sequence[str], cells: list[list[str]]) -> None:
    lines: list[Line] = [[(printable(title), "italic")]] if title else []
    lines += [*table_lines(columns, cells, _width()), []]
    if not sys.stdout.isatty():
        for line in lines:
            print("".join(text for text, _ in line).rstrip())
        return
    _print_styled(lines)


def _print_styled(lines: list[Line]) -> None:
    """Rich is imported for terminals alone: it takes longer than all the rest of a list."""
    from rich.text import Text

    from parkour.commands.output import console

    screen = console()
    for line in lines:
        screen.print(Text.assemble(*line))
