"""Standard streams that are closed, full, or whose reader has gone."""

from __future__ import annotations

import os
import sys


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


def let_stdout_go() -> None:
    """What was not written is not tried again when Python ends, which would be an error of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
