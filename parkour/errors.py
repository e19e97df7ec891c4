"""Errors that a user can act on.

Every :class:`ParkourError` is printed by the command line as one line (what was got, what was expected) and, where
there is one, a second line that names the next command to try; so is an OSError or a MemoryError. Anything else that
reaches the command line is a bug and shows its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class ParkourError(Exception):
    """A problem in the user's input or machine, not in the program.

    Args:
        message: one line: what was got and what was expected.
        hint: what to try next, a command if there is one.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        if message.splitlines() != [message]:  # Of a library's error, or a stranger's text, in it.
            message = " ".join(message.split())
        super().__init__(message)
        self.message = message
        self.hint = hint


def nearest(name: str, known: Sequence[str], n: int) -> list[str]:
    """At most ``n`` of the names that exist which somebody may have meant: those alike, else those that hold it."""
    from difflib import get_close_matches

    return get_close_matches(name, known, n=n) or [each for each in known if len(name) > 2 and name in each][:n]


class TerminatedError(KeyboardInterrupt):
    """Somebody told the command to end, by SIGTERM or SIGHUP. As Ctrl-C, it is nobody's error."""


class UnknownNameError(ParkourError):
    """A name that nothing is registered under, with the nearest ones that exist."""

    def __init__(self, what: str, name: str, known: Iterable[str], *, hint: str | None = None) -> None:
        known = sorted(known)
        near = nearest(name, known, n=3)
        if near:
            tail = f"did you mean {' or '.join(repr(n) for n in near)}?"
        elif known:
            tail = f"known: {', '.join(known[:12])}{', …' if len(known) > 12 else ''}"
        else:
            tail = "none is known"
        super().__init__(f"unknown {what} {name!r}; {tail}", hint=hint)
        self.name = name
        self.suggestions = near


class MissingPluginError(UnknownNameError):
    """A component of a distribution that is not there."""

    def __init__(self, what: str, name: str, distribution: str, reason: str, *, hint: str | None = None) -> None:
        ParkourError.__init__(self, f"{what} {name!r} comes from the plugin {distribution}, {reason}", hint=hint)
        self.name = name
        self.suggestions = []


class AmbiguousNameError(ParkourError):
    """A bare name that several distributions register."""


class PluginError(ParkourError):
    """A plugin that cannot be loaded, or that breaks its contract."""


class TaskError(ParkourError):
    """A task that does not validate, or an override that does not fit it."""


class TerrainError(ParkourError):
    """A sub-terrain that breaks an invariant (not finite, no goals, too many boxes)."""


class EngineError(ParkourError):
    """An engine that is not installed or cannot run here."""


class DeviceError(ParkourError):
    """A device that was asked for and is not there."""


class CheckpointError(ParkourError):
    """A checkpoint that is missing, damaged, or of another task or shape."""


class TrainingError(ParkourError):
    """A training run that went wrong by its numbers."""


class StorageError(ParkourError):
    """A folder or file that cannot be written."""


class ExportError(ParkourError):
    """A policy that cannot be exported, or an export that cannot be run: changed, incomplete, or of another kind."""
