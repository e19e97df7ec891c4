"""Random states for tests of terms: those that :mod:`parkour.testing` checks plugins on."""

from __future__ import annotations

from parkour.testing.states import GO2, TRIPOD, WavyCourse, random_context

__all__ = ["GO2", "TRIPOD", "WavyCourse", "random_context"]
