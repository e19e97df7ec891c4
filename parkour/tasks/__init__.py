"""Tasks: their model, overrides, and resolution of names to components."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parkour.tasks.checks import check_task as check_task
    from parkour.tasks.resolve import load_task as load_task
    from parkour.tasks.resolved import ResolvedComponent as ResolvedComponent
    from parkour.tasks.resolved import ResolvedTask as ResolvedTask
    from parkour.tasks.serialise import task_tables as task_tables
    from parkour.tasks.serialise import task_to_toml as task_to_toml

_HOME = {
    "ResolvedComponent": "parkour.tasks.resolved",
    "ResolvedTask": "parkour.tasks.resolved",
    "check_task": "parkour.tasks.checks",
    "load_task": "parkour.tasks.resolve",
    "task_tables": "parkour.tasks.serialise",
    "task_to_toml": "parkour.tasks.serialise",
}
__all__ = ["ResolvedComponent", "ResolvedTask", "check_task", "load_task", "task_tables", "task_to_toml"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'parkour.tasks' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
