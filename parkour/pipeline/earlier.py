"""Results that are none of what a pipeline is asked for now: out of the way, and not lost.

The weights and the export in a pipeline's folder are always those of its present settings, behind gates that let them
pass. What was there before lies in ``earlier/<date>``, with the report and the figures that it had.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from parkour.pipeline.process import LOG, OUTPUT
from parkour.pipeline.record import FILE as RECORD
from parkour.pipeline.stages import FIGURES, STAGE_PAGE, Exporting, Stage
from parkour.reading import read_bytes
from parkour.storage import cannot_write, make_folder, write_bytes

FOLDER = "earlier"
PAGE = "report.html"
"""The report, in the pipeline's folder."""
_COPIED = (RECORD, FIGURES, STAGE_PAGE, OUTPUT, LOG)
"""Of a stage: its record, and what the report links to."""


def set_aside(root: Path, stages: Sequence[Stage], kept: int) -> Path | None:
    """Move what stages have left in ``root`` that are still to come; their figures are copied beside it.

    Call it before anything is run, so that the report is that of what is moved.

    Args:
        root: folder of the pipeline.
        stages: of it.
        kept: how many of them hold, from the first on.

    Returns:
        Where it is now; None when there was nothing.

    Raises:
        StorageError: it cannot be moved.
    """
    products = [stage.out for stage in stages[kept:] if isinstance(stage, Exporting) and os.path.lexists(stage.out)]
    if not products:
        return None
    place = _free(make_folder(root / FOLDER, "--out"))
    try:
        place.mkdir()
        for path in (root / PAGE, *(folder / name for folder in sorted(root.glob("[0-9]*_*")) for name in _COPIED)):
            if path.is_file() and not path.is_symlink():
                make_folder((place / path.relative_to(root)).parent, "--out")
                write_bytes(place / path.relative_to(root), read_bytes(path), "--out")
        for path in products:
            path.rename(place / path.name)
    except OSError as error:
        raise cannot_write(place, "--out", error) from error
    return place


def _free(folder: Path) -> Path:
    """A place in it named after the present time."""
    now = time.strftime("%Y-%m-%d_%H-%M-%S")
    names = (now if attempt == 1 else f"{now}-{attempt}" for attempt in count(1))
    return next(folder / name for name in names if not os.path.lexists(folder / name))
