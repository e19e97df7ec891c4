"""Text of strangers (plugins, checkpoints, servers), made fit for a terminal."""

from __future__ import annotations


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
