"""Where the numbers of a run go besides ``metrics.jsonl``: loggers, which plugins register."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkour.errors import ParkourError, PluginError
from parkour.learning.guard import GuardedListener
from parkour.learning.iteration import Listener
from parkour.learning.metrics_file import MetricsFile
from parkour.registry import RegisteredSpec, Registry, default_registry
from parkour.specs import LoggerSpec
from parkour.tasks.checks import check_interface
from parkour.tasks.components import load_with_defaults
from parkour.tasks.resolved import ResolvedComponent

NO_LOGGER = "none"
"""What ``--logger`` says where nothing but ``metrics.jsonl`` is wanted."""


@dataclass(frozen=True)
class LoggerContext:
    """What a logger is made with."""

    run: Path
    """The run folder."""
    project: str
    """Name of the task."""
    config: Mapping[str, Any]
    """The task, as JSON has it."""
    start: int = 0
    """Iterations trained before: what was logged of later ones is of a past that was given up."""
    notify: Callable[[str], None] = lambda line: None
    """Tells the user a line."""


def find_logger(name: str, registry: Registry | None = None) -> ResolvedComponent | None:
    """The logger of a name or id, imported; None for :data:`NO_LOGGER`.

    Raises:
        UnknownNameError: there is none.
        PluginError: it cannot be imported, or cannot be called as agreed.
    """
    if name == NO_LOGGER:
        return None
    return load_logger((registry or default_registry()).get("logger", name))


def load_logger(item: RegisteredSpec) -> ResolvedComponent:
    """A registered logger with its target.

    Raises:
        PluginError: see :func:`find_logger`.
    """
    component = load_with_defaults(item)
    check_interface(component)
    return component


def make_logger(logger: ResolvedComponent, context: LoggerContext) -> Listener:
    """The logger of a run, which fails without ending it.

    Raises:
        ParkourError: it cannot be made: before anything is trained, that is an error like any other.
    """
    try:
        made = logger.target(context)
    except ParkourError:
        raise
    except Exception as error:
        raise PluginError(
            f"logger {logger.id!r} (version {logger.version}) cannot be made: {type(error).__name__}: {error}",
            hint=f"--logger {NO_LOGGER}",
        ) from error
    return GuardedListener(f"logger {logger.id!r}", made, context.notify)


def make_loggers(name: str, context: LoggerContext) -> list[Listener]:
    """The listeners that write down a run: ``metrics.jsonl``, and the logger of a name.

    Raises:
        ParkourError: there is no such logger, or it cannot be made.
        StorageError: the folder cannot be written.
    """
    logger = find_logger(name)
    metrics = MetricsFile(context.run, context.start, context.notify)
    return [metrics] if logger is None else [metrics, make_logger(logger, context)]


def files_of_loggers() -> set[str]:
    """Names of what loggers keep in a run folder, and what a run in which nothing was trained may lose."""
    specs = [item.spec for item in default_registry().specs("logger")]
    return {name for spec in specs if isinstance(spec, LoggerSpec) for name in spec.keeps}
