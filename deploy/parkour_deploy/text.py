"""Text of strangers (plugins, checkpoints, exports, robots), made fit for a terminal."""

from __future__ import annotations

LONGEST_LINE = 2000
"""Characters of a line for people; what is longer is cut."""


def counted(number: float, noun: str) -> str:
    """``1 iteration``, ``2 iterations``, ``0.5 minutes``: of nouns whose plural ends in s."""
    shown = f"{number:g}" if isinstance(number, float) else str(number)
    return f"{shown} {noun}" if number == 1 else f"{shown} {noun}s"


def printable(text: str, *, lines: bool = False) -> str:
    r"""``text`` with everything that is no visible character as an escape such as ``\x1b``.

    A terminal obeys control characters: they recolour it, move its cursor, and write over what was said before.

    Args:
        text: from somewhere else.
        lines: keep line breaks and tabs, as in a traceback.
    """
    kept = "\n\t" if lines else ""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in kept else char.encode("unicode_escape").decode() for char in text
    )


def one_line(text: str) -> str:
    """:func:`printable` text on one line, cut where nobody would read on."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…"
