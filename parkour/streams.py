"""Standard streams that are closed, full, or whose reader has gone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable


def open_standard_streams() -> None:
    """Nothing but a standard stream has the number of one.

    A program may be started with some of them closed (``>&-``). The next file that is opened, a checkpoint, say, would
    have its number then, and whatever a library prints would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - a number, for good
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def let_go(handles: Iterable[int]) -> None:
    """Whatever is written to these from now on, what is still in a buffer too, goes nowhere and is no error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for handle in handles:
        os.dup2(nowhere, handle)
    os.close(nowhere)
