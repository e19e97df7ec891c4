"""Event files for TensorBoard."""

from __future__ import annotations

from parkour import Iteration, LoggerContext
from parkour.errors import StorageError


class TensorBoardLogger:
    """Event files in the run folder: ``tensorboard --logdir RUN``."""

    def __init__(self, context: LoggerContext) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._run, start = context.run, context.start
        try:
            purge = start + 1 if start else None
            self._writer = SummaryWriter(log_dir=str(self._run), flush_secs=10, purge_step=purge)
        except OSError as error:
            raise StorageError(f"cannot write event files in {self._run}: {error.strerror or error}") from error

    def on_iteration(self, iteration: Iteration) -> None:
        try:
            for name, value in iteration.scalars.items():
                self._writer.add_scalar(name, value, iteration.index)
        except OSError as error:
            raise StorageError(f"cannot write event files in {self._run}: {error.strerror or error}") from error

    def close(self) -> None:
        self._writer.close()
