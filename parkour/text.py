"""Text for people: figures and counts, and text of strangers (see :mod:`parkour_deploy.text`, which robots use too)."""

from __future__ import annotations

from parkour_deploy.text import counted, one_line, printable

__all__ = ["counted", "one_line", "printable", "rounded"]


def rounded(value: float, digits: int, sign: str = "") -> str:
    """To ``digits`` that count, and to no less than a whole: 134, which ``.2g`` would call 1.3e+02.

    Args:
        value: what to write; NaN and infinities are written as Python does.
        digits: how many digits count [1 or more].
        sign: ``+``: positive ones have a sign, too.
    """
    return f"{value:{sign}.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:{sign}.{digits}g}"
