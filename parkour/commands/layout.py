"""Tables as wide as the terminal, in which no word is split: names, paths and options can be typed as they stand there.

What fits stands side by side, prose in lines of whole words. Where the last column, which is prose, would be too thin,
it goes below its row; and where the others do not fit either, every row is a list of its own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

GAP, _INDENT = 2, 4
"""Columns of the terminal between two columns of a table, and before what is below its row."""
_READABLE = 28
"""Of prose beside other columns, at least."""

Line = list[tuple[str, str]]
"""Pieces of text, each with a style of Rich's."""


class Styled(str):
    """A cell that a terminal shows in a style of Rich's: ``Styled("broken", "red")``."""

    style: str

    def __new__(cls, text: str, style: str) -> Styled:
        cell = super().__new__(cls, text)
        cell.style = style
        return cell


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Iterator[Line]:
    """The lines of a table with its heading.

    Args:
        columns: headings.
        rows: cells, as many per row as there are columns.
        width: of the terminal; None for lines of any length, one for each row.
    """
    by_column = [[column, *(row[number] for row in rows)] for number, column in enumerate(columns)]
    natural = [widest(cells) for cells in by_column]
    least = [max((len(word) for cell in cells for word in cell.split()), default=0) for cells in by_column]
    fitted = natural if width is None else _prose_last(natural, least, width) or _fit(natural, least, width)
    if width is None or (fitted is not None and fitted[-1] >= min(natural[-1], _READABLE)):
        yield from _side_by_side(columns, rows, fitted or natural)
    elif (fitted := _fit(natural[:-1], least[:-1], width)) is not None and len(columns) > 2:
        yield from _last_below(columns, rows, fitted, width)
    else:
        yield from _lists(columns, rows, width)


def column_groups(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[list[int]]:
    """Numbers of the columns that fit side by side, the first one in every group; for figures, which do not wrap."""
    natural = [widest([column, *(row[number] for row in rows)]) for number, column in enumerate(columns)]
    group, used = [0], natural[0]
    for number, wanted in enumerate(natural[1:], 1):
        if len(group) > 1 and used + GAP + wanted > width:
            yield group
            group, used = [0], natural[0]
        group.append(number)
        used += GAP + wanted
    yield group


def widest(cells: Sequence[str]) -> int:
    """Columns of the terminal that the longest line of any cell takes."""
    return max((len(line) for cell in cells for line in cell.splitlines()), default=0)


def _prose_last(natural: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Every column as wide as it wants, and the last what is left, if that is enough to read."""
    *others, last = natural
    left = room - sum(others) - GAP * len(others)
    return [*others, min(last, left)] if left >= max(min(last, _READABLE), least[-1]) else None


def _fit(natural: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Widths of columns: as wide as they want, else no thinner than their longest words; None if that is too wide."""
    room -= GAP * (len(natural) - 1)
    widths = list(least)
    if sum(widths) > room:
        return None
    for _ in range(min(room, sum(natural)) - sum(widths)):
        # The thinnest first: a column of short cells stays whole, and the widest is what wraps.
        thinnest = min((j for j in range(len(widths)) if widths[j] < natural[j]), key=widths.__getitem__)
        widths[thinnest] += 1
    return widths


def _side_by_side(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[Line]:
    yield from _row([Styled(column, "bold") for column in columns], widths)
    yield _rule(sum(widths) + GAP * (len(widths) - 1))
    for row in rows:
        yield from _row(row, widths)


def _last_below(
    columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], width: int
) -> Iterator[Line]:
    yield from _row([Styled(column, "bold") for column in columns[:-1]], widths)
    yield [(" " * _INDENT, ""), (columns[-1], "bold")]
    yield _rule(width)
    for row in rows:
        yield from _row(row[:-1], widths)
        yield from _wrapped(row[-1], _INDENT, width)


def _lists(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[Line]:
    label = max(map(len, columns[1:]), default=0)
    for row in rows:
        yield from _wrapped(Styled(row[0], "bold"), 0, width)
        for column, cell in zip(columns[1:], row[1:], strict=True):
            if not cell:
                continue
            indent = _INDENT + label + GAP
            head: Line = [(" " * _INDENT, ""), (column.ljust(label + GAP), "dim")]
            # A word that is longer than the room beside its label has a line of its own.
            if max(map(len, cell.split()), default=0) <= width - indent:
                first, *others = _wrapped(cell, indent, width)
                yield [*head, *first[1:]]
                yield from others
            else:
                yield head
                yield from _wrapped(cell, _INDENT + GAP, width)


def _row(cells: Sequence[str], widths: Sequence[int]) -> Iterator[Line]:
    wrapped = [_wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, wrapped))):
        line: Line = []
        for cell, lines, width in zip(cells, wrapped, widths, strict=True):
            part = lines[number] if number < len(lines) else ""
            line.append((part.ljust(width + GAP), _style(cell)))
        last, style = line[-1]
        line[-1] = last.rstrip(), style
        yield line


def _wrapped(cell: str, indent: int, width: int) -> Iterator[Line]:
    for line in _wrap(cell, width - indent):
        yield [(" " * indent, ""), (line, _style(cell))]


def _wrap(cell: str, width: int) -> list[str]:
    """In lines of whole words; one that is wider than all the room stays whole, and the terminal folds it."""
    lines = [
        part
        for line in cell.splitlines()
        for part in textwrap.wrap(line, max(width, 1), break_long_words=False, break_on_hyphens=False)
    ]
    return lines or [""]


def _rule(width: int) -> Line:
    return [("─" * width, "dim")]


def _style(cell: str) -> str:
    return cell.style if isinstance(cell, Styled) else ""
