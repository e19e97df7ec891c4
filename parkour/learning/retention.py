"""Which checkpoints of a run stay: the last few whole, every tenth of those before without optimizers, and the best.

Five hundred whole checkpoints of a teacher are 55 GB, and nobody resumes from the hundredth.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from parkour.errors import CheckpointError, StorageError
from parkour.learning.iteration import Iteration
from parkour.learning.run_options import read_run_options
from parkour.policies.checkpoint import Checkpoint, slim
from parkour.policies.checkpoint_file import load_checkpoint, save_checkpoint
from parkour.policies.checkpoint_folder import BEST_FILE, TASK_FILE, checkpoints_of, iteration_of
from parkour.reading import read_json, read_toml
from parkour.storage import write_text

DEFAULT_KEEP = 5
"""Whole checkpoints that stay where nobody says how many."""
EVERY = 10
"""Of the checkpoints before them, one in so many stays, slim."""
RECORD_FILE = "model_best.json"
"""Beside the best checkpoint: what it is."""
LEAST_EPISODES = 50
"""On which a share of successes is a score."""
ALL, COUNT, SUCCESS = "Episode/count", "Episode/hardest_count", "Episode/hardest_success"
"""What training says of all episodes, and of those on the hardest third of the levels."""


@dataclass(frozen=True)
class Thinning:
    """What is to become of one checkpoint."""

    path: Path
    slims: bool
    """Made slim; else removed."""
    size: int
    """Of the file now, bytes."""


def thinnings(run: Path, keep: int, interval: int) -> list[Thinning]:
    """What a run has too much of.

    Args:
        run: its folder.
        keep: whole checkpoints that stay; 0: all.
        interval: iterations between checkpoints, of which every :data:`EVERY`-th stays.
    """
    found = []
    for path in checkpoints_of(run)[: -keep or None] if keep else []:
        stays = iteration_of(path) % (EVERY * interval) == 0
        if not stays or not load_checkpoint(path).slim:
            found.append(Thinning(path, stays, path.stat().st_size))
    return found


def thin(thinning: Thinning) -> int:
    """Do it; the bytes that are free after it.

    Raises:
        StorageError, CheckpointError, OSError: it cannot be done; the file is as it was.
    """
    if not thinning.slims:
        thinning.path.unlink(missing_ok=True)
        return thinning.size
    save_checkpoint(thinning.path, slim(load_checkpoint(thinning.path)))
    return thinning.size - thinning.path.stat().st_size


def interval_of(run: Path) -> int:
    """Iterations between the checkpoints of a run, as its folder says."""
    with contextlib.suppress(StorageError):
        run_options = read_run_options(run)
        if run_options is not None and run_options.save_interval > 0:
            return run_options.save_interval
    try:
        task = read_toml(run / TASK_FILE)
        return max(int(task["algorithm"]["save_interval"]), 1)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return 100


@dataclass(frozen=True)
class Record:
    """The best checkpoint of a run."""

    iteration: int
    success: float
    """Share of the episodes in training on the hardest third of the levels, with exploration noise."""
    episodes: int
    """On them."""
    share: float = 0.0
    """Of *all* episodes, those that succeeded there: by this checkpoints are compared. The first few robots that reach
    those levels are the lucky ones, and succeed more often than all will when they are there."""


def read_record(run: Path) -> Record | None:
    """What the best checkpoint of a run is; None if there is none, or nothing readable about it."""
    try:
        data = read_json(run / RECORD_FILE)
        share = float(data.get("share", 0.0))
        record = Record(int(data["iteration"]), float(data["success"]), int(data["episodes"]), share)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return record if record.iteration >= 0 and 0.0 <= record.success <= 1.0 and 0.0 <= record.share <= 1.0 else None


class Keeper:
    """Looks after the checkpoints of a run while it trains; a listener, which is told of each save as well.

    Args:
        run: its folder.
        keep: see :func:`thinnings`.
        interval: see :func:`thinnings`.
        start: iterations trained before; a best checkpoint of later ones is of a past that was given up.
        notify: told in a line what could not be done; training goes on.
    """

    def __init__(self, run: Path, keep: int, interval: int, start: int, notify: Callable[[str], None]) -> None:
        self.run, self.keep, self.interval, self._notify = run, keep, interval, notify
        record = read_record(run)
        self.best = record if record is not None and record.iteration <= start else None
        self._all = self._episodes = self._successes = 0.0
        self._settled: set[Path] = set()

    def on_iteration(self, iteration: Iteration) -> None:
        count = iteration.scalars.get(COUNT, 0.0)
        self._all += max(iteration.scalars.get(ALL, count), count)
        self._episodes += count
        self._successes += count * iteration.scalars.get(SUCCESS, 0.0)

    def close(self) -> None:
        pass

    def saved(self, checkpoint: Checkpoint) -> None:
        """A checkpoint was written."""
        try:
            self._keep_if_best(checkpoint)
            self._thin()
        except (StorageError, CheckpointError, OSError) as error:
            self._notify(f"checkpoints of {self.run} are not thinned out: {error}")

    def _keep_if_best(self, checkpoint: Checkpoint) -> None:
        if self._episodes < LEAST_EPISODES:
            return
        record = Record(
            checkpoint.iteration, self._successes / self._episodes, round(self._episodes), self._successes / self._all
        )
        self._all = self._episodes = self._successes = 0.0
        if self.best is None or record.share > self.best.share:
            save_checkpoint(self.run / BEST_FILE, slim(checkpoint))
            write_text(self.run / RECORD_FILE, json.dumps(asdict(record)) + "\n", "--log-root")
            self.best = record

    def _thin(self) -> None:
        """As :func:`thinnings`, without reading again what was read before."""
        for path in checkpoints_of(self.run)[: -self.keep or None] if self.keep else []:
            if path in self._settled:
                continue
            stays = iteration_of(path) % (EVERY * self.interval) == 0
            if not stays or not load_checkpoint(path).slim:
                thin(Thinning(path, stays, 0))
            self._settled.add(path)
