"""``metrics.jsonl`` in the run folder, which every run has; see :mod:`parkour.learning.loggers` for more."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

from parkour.errors import StorageError
from parkour.learning.iteration import Iteration
from parkour.policies.checkpoint_folder import METRICS_FILE
from parkour.reading import read_bytes, read_row
from parkour.storage import open_growing, write_bytes


class MetricsFile:
    """One JSON object per iteration, flushed, so that other programs can follow a run.

    Args:
        run: the run folder.
        start: iteration from which the run goes on: what it wrote after that is dropped.
        notify: told in a line what was dropped because it is damaged.
    """

    def __init__(self, run: Path, start: int = 0, notify: Callable[[str], None] = lambda line: None) -> None:
        self.path = run / METRICS_FILE
        self.last = 0
        """The last iteration that the file had a row of."""
        try:
            self._keep_until(start, notify)
            self._file = open_growing(self.path)
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _keep_until(self, iteration: int, notify: Callable[[str], None]) -> None:
        """Drop what was written after the checkpoint that the run now resumes from, and what nobody can read."""
        if not self.path.is_file():
            return
        lines = read_bytes(self.path).splitlines(keepends=True)
        numbers = [_iteration_of(line) for line in lines]
        damaged = [place for place, number in enumerate(numbers, 1) if number is None]
        # The last line alone is what a killed run leaves, of an iteration that is trained again.
        if damaged and damaged != [len(lines)]:
            which = ", ".join(map(str, damaged[:5])) + (", …" if len(damaged) > 5 else "")
            notify(f"{self.path}: {len(damaged)} damaged line(s) dropped ({which})")
        kept = [line for line, number in zip(lines, numbers, strict=True) if number is not None and number <= iteration]
        self.last = max((number for number in numbers if number is not None and number <= iteration), default=0)
        write_bytes(self.path, b"".join(kept), "--log-root")

    def on_iteration(self, iteration: Iteration) -> None:
        row = {"iteration": iteration.index, "total_steps": iteration.total_steps, "seconds": iteration.total_seconds}
        row |= {name: value for name, value in iteration.scalars.items() if math.isfinite(value)}
        try:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror or error}") from error

    def close(self) -> None:
        self._file.close()


def _iteration_of(line: bytes) -> int | None:
    """The iteration of a row; None of one that is damaged or was cut off."""
    row = read_row(line) if line.endswith(b"\n") else None
    number = None if row is None else row.get("iteration")
    return number if type(number) is int and number >= 0 else None
