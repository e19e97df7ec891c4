"""Text of strangers, made fit for a terminal: see :mod:`parkour_deploy.text`, which robots use too."""

from __future__ import annotations

from parkour_deploy.text import one_line, printable

__all__ = ["one_line", "printable"]
