"""Ranges on a command line: ``A:B``."""

from __future__ import annotations

from parkour.errors import ParkourError


def parse_range(option: str, text: str, *, low: float = 0.0, high: float = 1.0) -> tuple[float, float]:
    """``"0.2:0.8"`` as numbers, and ``"0.5"`` as both ends.

    Args:
        option: what it was given to, for the error.
        text: as it was given.
        low: smallest number allowed.
        high: greatest number allowed.

    Raises:
        ParkourError: it is no range within the bounds.
    """
    first, colon, second = text.partition(":")
    try:
        bounds = float(first), float(second if colon else first)
    except ValueError:
        bounds = (1.0, 0.0)
    if not low <= bounds[0] <= bounds[1] <= high:
        middle = (low + high) / 2.0
        raise ParkourError(
            f"{option}: got {text!r}, expected A:B with {low:g} <= A <= B <= {high:g}",
            hint=f"{option} {middle:g}:{high:g}",
        )
    return bounds
