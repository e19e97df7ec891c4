"""The nearest of the names that exist, in words."""

from __future__ import annotations

from collections.abc import Iterable

from parkour.errors import nearest


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean 'weight'?``, or what is known where nothing is near."""
    known = sorted(known)
    near = nearest(name, known, n=2)
    if near:
        return f"did you mean {' or '.join(repr(word) for word in near)}?"
    return f"known: {', '.join(known)}" if known else "none is known"
