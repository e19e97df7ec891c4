"""Where the numbers of a run go: TensorBoard or Weights & Biases, and always ``metrics.jsonl`` in the run folder."""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from parkour.errors import ParkourError, StorageError
from parkour.learning.iteration import Iteration, Listener
from parkour.learning.options import LoggerName
from parkour.policies.checkpoint_folder import METRICS_FILE
from parkour.reading import read_row
from parkour.storage import write_bytes, write_text

WANDB_FILE = "wandb_id.txt"
_WANDB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


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
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _keep_until(self, iteration: int, notify: Callable[[str], None]) -> None:
        """Drop what was written after the checkpoint that the run now resumes from, and what nobody can read."""
        if not self.path.is_file():
            return
        lines = self.path.read_bytes().splitlines(keepends=True)
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


class TensorBoardLogger:
    """Event files in the run folder: ``tensorboard --logdir RUN``."""

    def __init__(self, run: Path, start: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._run = run
        try:
            self._writer = SummaryWriter(log_dir=str(run), flush_secs=10, purge_step=start + 1 if start else None)
        except OSError as error:
            raise StorageError(f"cannot write event files in {run}: {error.strerror or error}") from error

    def on_iteration(self, iteration: Iteration) -> None:
        try:
            for name, value in iteration.scalars.items():
                self._writer.add_scalar(name, value, iteration.index)
        except OSError as error:
            raise StorageError(f"cannot write event files in {self._run}: {error.strerror or error}") from error

    def close(self) -> None:
        self._writer.close()


class WandbLogger:
    """A run at Weights & Biases; the only thing here that uses the network, and only when asked for.

    Its id is kept in the run folder, so that a run that resumes is one run there too.
    """

    def __init__(self, run: Path, project: str, config: Mapping[str, Any]) -> None:
        try:
            import wandb  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise ParkourError(
                "--logger wandb needs the package wandb, which is not installed",
                hint="pip install wandb, or --logger tensorboard",
            ) from None
        try:
            self._run = wandb.init(
                project=project, name=run.name, dir=str(run), config=dict(config), id=_wandb_id(run), resume="allow"
            )
        except wandb.Error as error:
            raise ParkourError(
                f"--logger wandb: {error}", hint="wandb login, or WANDB_MODE=offline, or --logger tensorboard"
            ) from error

    def on_iteration(self, iteration: Iteration) -> None:
        self._run.log(dict(iteration.scalars), step=iteration.index)

    def close(self) -> None:
        self._run.finish()


def _wandb_id(run: Path) -> str:
    """The id that the run folder keeps, or a new one, kept from now on."""
    path = run / WANDB_FILE
    try:
        kept = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    if _WANDB_ID.fullmatch(kept):  # wandb makes paths and addresses of it.
        return kept
    made = secrets.token_hex(4)
    write_text(path, f"{made}\n", "--log-root")
    return made


def _iteration_of(line: bytes) -> int | None:
    """The iteration of a row; None of one that is damaged or was cut off."""
    row = read_row(line) if line.endswith(b"\n") else None
    number = None if row is None else row.get("iteration")
    return number if type(number) is int and number >= 0 else None


def make_loggers(
    name: LoggerName,
    run: Path,
    project: str,
    config: Mapping[str, Any],
    start: int = 0,
    notify: Callable[[str], None] = lambda line: None,
) -> list[Listener]:
    """The listeners that write down a run, from iteration ``start`` on; ``notify`` is told what was damaged.

    Raises:
        ParkourError: the logger's package is not installed.
        StorageError: the folder cannot be written.
    """
    loggers: list[Listener] = [MetricsFile(run, start, notify)]
    if name == "tensorboard":
        loggers.append(TensorBoardLogger(run, start))
    elif name == "wandb":
        loggers.append(WandbLogger(run, project, config))
    return loggers
