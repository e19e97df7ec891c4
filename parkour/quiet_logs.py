"""Loggers that say nothing but errors for a while."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def errors_alone(name: str) -> Iterator[None]:
    """Meanwhile the logger ``name``, and those below it that follow it, give out errors alone."""
    log = logging.getLogger(name)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
