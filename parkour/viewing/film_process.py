"""A film of a checkpoint, made by a process of its own that gives way to all others.

``python -m parkour.viewing.film_process CHECKPOINT FILE SECONDS ENGINE [OPTION=VALUE...]``; what goes wrong is one line
on stderr. It is started by :mod:`parkour.learning.films`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from parkour.errors import ParkourError
from parkour.policies.source import PolicySource, load_weights
from parkour.viewing.options import WatchOptions
from parkour.viewing.watch import watch

NICENESS = 19
"""Others go first."""
SIDE_BY_SIDE = 2
"""Robots, on a terrain each."""


def make_film(checkpoint: Path, file: Path, seconds: float, engine: str, engine_options: Sequence[str]) -> None:
    """Film robots on the courses of ``play``.

    Raises:
        ParkourError: it cannot be filmed.
    """
    options = dict(option.split("=", 1) for option in engine_options)
    watch(
        load_weights(PolicySource(checkpoint=checkpoint)),
        WatchOptions(
            viewer="none",
            video=file,
            seconds=seconds,
            side_by_side=SIDE_BY_SIDE,
            device="cpu",
            engine=engine,
            engine_options=options,
        ),
    )


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    with suppress(OSError, AttributeError):
        os.nice(NICENESS)
    checkpoint, file, seconds, engine, *options = arguments
    try:
        make_film(Path(checkpoint), Path(file), float(seconds), engine, options)
    except ParkourError as error:
        print(error.message, file=sys.stderr)
        return 1
    except Exception as error:  # A renderer's own.
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
