"""Warnings of the library as lines on stderr."""

from __future__ import annotations

import logging
import sys


class _StderrHandler(logging.Handler):
    """Writes records to whatever ``sys.stderr`` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        print(f"{level}{record.getMessage()}", file=sys.stderr)


def setup_logging(verbose: bool) -> None:
    """Show warnings of ``parkour`` on stderr, one line each; everything with ``verbose``."""
    log = logging.getLogger("parkour")
    log.handlers[:] = [_StderrHandler()]
    log.setLevel(logging.DEBUG if verbose else logging.WARNING)
    log.propagate = False
