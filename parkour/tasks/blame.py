"""Whose code raised: an exception that comes out of a task's component gets a note that names it and its plugin."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from parkour.errors import ParkourError
from parkour.registry import BUILTIN
from parkour.tasks.resolved import ResolvedComponent, ResolvedTask


@contextmanager
def blamed(task: ResolvedTask) -> Iterator[None]:
    """What is raised meanwhile stays what it is, with its traceback; a :class:`ParkourError` says itself who it is
    about. Costs nothing as long as nothing is raised."""
    try:
        yield
    except ParkourError:
        raise
    except Exception as error:
        blame(task, error)
        raise


def blame(task: ResolvedTask, error: Exception) -> bool:
    """Whether it came out of a component's or a plugin's code; then it has a note that says whose.

    For engines that make errors of their simulator's ones of their own: those of components stay what they are.
    """
    note = _note(task, [frame for frame, _ in traceback.walk_tb(error.__traceback__)])
    if note and note not in getattr(error, "__notes__", ()):
        error.add_note(note)
    return note is not None


def _note(task: ResolvedTask, frames: list[FrameType]) -> str | None:
    """The component that was called first, or at least the plugin whose code it was."""
    parts = list(_parts(task))
    for frame in frames:
        for kind, part in parts:
            if _is_of(frame, part):
                return f"in {kind} {part.key!r} of the task: {part.id} {part.version}".rstrip()
    packages = {part.target.__module__.partition(".")[0]: part for _, part in parts if not _builtin(part)}
    for frame in frames:
        if part := packages.get(str(frame.f_globals.get("__name__")).partition(".")[0]):
            return f"in the plugin {part.id.partition(':')[0]} {part.version}".rstrip()
    return None


def _is_of(frame: FrameType, part: ResolvedComponent) -> bool:
    if inspect.isclass(part.target):
        return isinstance(frame.f_locals.get("self"), part.target)
    return inspect.isfunction(part.target) and frame.f_code is part.target.__code__


def _builtin(part: ResolvedComponent) -> bool:
    return part.id.startswith(f"{BUILTIN}:")


def _parts(task: ResolvedTask) -> Iterator[tuple[str, ResolvedComponent]]:
    """Every component of a task, with what it is called."""
    for tables in (
        task.terrains, task.rewards, task.observations, task.terminations, task.events, task.encoders, task.commands,
        *task.modifiers.values(),
    ):  # fmt: skip
        for part in tables.values():
            yield part.spec.kind.replace("_", " "), part
    for part in (task.policy, task.command, task.curriculum):
        if part is not None:
            yield part.spec.kind.replace("_", " "), part
