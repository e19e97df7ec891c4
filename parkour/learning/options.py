"""What a user chooses for a training run, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT_SEED = 1


@dataclass(frozen=True)
class TrainOptions:
    """Choices that are not part of the task."""

    num_envs: int | None = None
    """Parallel environments in each process; None: the resumed run's, or the task's default for the device."""
    iterations: int | None = None
    """Iterations of the whole run, those before a resumption included; None: the task's."""
    save_interval: int | None = None
    """Iterations between checkpoints; None: the task's."""
    keep: int | None = None
    """Whole checkpoints that stay, of the earlier ones every tenth slim; 0: all. None: the resumed run's, or 5."""
    time_limit: float | None = None
    """Stop and save after so many minutes."""
    seed: int | None = None
    """Of all random numbers; each further process adds its rank. None: the resumed run's, or :data:`DEFAULT_SEED`."""
    device: str | None = None
    """``cpu``, ``cuda`` or ``cuda:N``; None: a GPU if there is one."""
    engine: str | None = None
    """Name of the engine; None: the first that can run here."""
    engine_options: Mapping[str, str] = field(default_factory=dict)
    """Options of the engine's own; a resumed run's are kept where none are given."""
    log_root: Path = Path("logs")
    experiment: str | None = None
    """Folder below ``<log_root>/rsl_rl``; None: the task's name."""
    run_name: str = ""
    """Appended to the run folder's time stamp."""
    resume: bool = False
    """Resume a run (:attr:`run`, or the experiment's newest)."""
    run: Path | None = None
    """With ``resume``: the run folder to resume. Without, for a student: the run of its teacher."""
    checkpoint: Path | None = None
    """With ``resume``: the checkpoint to resume from. Without: weights to start a new run with, a student's teacher."""
    student: Path | None = None
    """A student whose weights to begin with, rather than as a copy of the teacher."""
    allow_mismatch: bool = False
    """Use weights though the task means something else by inputs or actions than they were trained with."""
    logger: str = "tensorboard"
    """Name or id of a registered logger, or ``none``."""
    callbacks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Names or ids of registered callbacks, each with its parameters; a run that resumes says which it had."""
    git_state: bool = False
    """Store the commit and the uncommitted changes of the working folder in the run folder."""
    video: bool = False
    """Record a short video at the end: the callback ``video``."""
    video_interval: int | None = None
    """Film the networks every so many iterations while the run goes on, in another process; None: never."""
    progress: bool = True
    """Show a live display."""


@dataclass(frozen=True)
class RunResult:
    """How a training run ended."""

    run: Path
    """The run folder."""
    checkpoint: Path
    """The last checkpoint."""
    iterations: int
    """Iterations trained in all."""
    stopped: str = ""
    """Why it ended before the last iteration; empty if it did not."""
    metrics: dict[str, float] = field(default_factory=dict)
    """The last iteration's scalars."""
