"""Components of another version than a task was resolved with."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import cache

from parkour.registry import Registry
from parkour.tasks.missing import Missing, components_of
from parkour.tasks.model import TaskModel

_log = logging.getLogger(__name__)


def compare_versions(
    model: TaskModel, registry: Registry, missing: Collection[Missing] = (), shipped_with: str | None = None
) -> None:
    """Tell of components whose version is another one now.

    Args:
        model: the task, with the versions that it was once resolved with.
        registry: where names are looked up.
        missing: components that are not there.
        shipped_with: the distribution that brings the task's weights and has tried them with its components: of those
            nothing is told.
    """
    absent = {item.path for item in missing}
    for kind, path, name, version in components_of(model):
        if version is None or path in absent:
            continue
        found = registry.get(kind, name)
        if found.distribution != shipped_with:
            compare_version(found.distribution, version, found.version)


@cache
def compare_version(distribution: str, version: str, found: str) -> None:
    """Once, however many components a distribution has in however many tasks."""
    if version != found:
        _log.warning("components of %s: the task was resolved with version %s, found %s", distribution, version, found)
