"""Warnings of the library as lines on stderr."""

from __future__ import annotations

import logging
import sys

from parkour.stages import clear_line
from parkour.text import one_line, printable


class _StderrHandler(logging.Handler):
    """Writes records to whatever ``sys.stderr`` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        clear_line()
        if record.levelno < logging.WARNING:
            print(printable(record.getMessage(), lines=True), file=sys.stderr)
        else:
            print(f"{record.levelname.lower()}: {one_line(record.getMessage())}", file=sys.stderr)


def setup_logging(verbose: bool) -> None:
    """Show warnings of ``parkour`` on stderr, one line each; everything with ``verbose``."""
    log = logging.getLogger("parkour")
    log.handlers[:] = [_StderrHandler()]
    log.setLevel(logging.DEBUG if verbose else logging.WARNING)
    log.propagate = False
