"""Tasks by the name under which an environment's configuration, which holds only plain values, refers to them."""

from __future__ import annotations

from parkour.errors import TaskError
from parkour.tasks.resolved import ResolvedTask

_held: dict[str, ResolvedTask] = {}


def hold_task(task: ResolvedTask) -> str:
    """Keep a task for this process and return the name to find it under."""
    for name, held in _held.items():
        if held is task:
            return name
    name = f"{task.name}#{len(_held)}"
    _held[name] = task
    return name


def held_task(name: str) -> ResolvedTask:
    """The task of a name.

    Raises:
        TaskError: it is none of this process.
    """
    if name not in _held:
        raise TaskError(f"configuration of task {name!r}: it was made in another process", hint="make it anew")
    return _held[name]
