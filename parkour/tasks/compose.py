"""Overlays and changes applied to a task's document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from parkour.errors import TaskError
from parkour.tasks.changes import Changes, apply_changes, changed_paths, checked_changes
from parkour.tasks.document import OVERLAYS, TaskDocument
from parkour.tasks.layers import Layers, Replaced
from parkour.tasks.suggest import did_you_mean
from parkour.tasks.table import Table, merge


@dataclass(frozen=True)
class Composition:
    """A task's tables, and what they are made of."""

    tables: Table
    layers: Layers


def compose(document: TaskDocument, overlay: str | None = None, changes: Changes | None = None) -> Composition:
    """A task under overlays, with changes.

    Overlays belong to a phase. Those that a task ran under and that are not asked for again are left behind. Changes
    that were made to it stay, for they are what its user says the task is: they win over the overlays that they were
    made under, and overlays that are asked for later win over them.

    Args:
        document: the task.
        overlay: ``train``, or several (``train+noisy``); as it ran where None, which is none for one that did not run.
        changes: applied last.

    Raises:
        TaskError: no such overlay, or a change that does not fit the task.
    """
    if not isinstance(overlay, (str, type(None))):
        raise TaskError(f"got the overlay {overlay!r}, expected its name, such as 'train' or 'train+noisy'")
    changes = checked_changes({} if changes is None else changes)
    ran = document.ran
    wanted = ran.overlays if overlay is None else tuple(dict.fromkeys(name for name in overlay.split("+") if name))
    for name in wanted:
        if name not in document.overlays and name not in (*OVERLAYS, *ran.overlays):
            raise TaskError(f"unknown overlay {name!r}; {did_you_mean(name, {*OVERLAYS, *document.overlays})}")
    new = [name for name in wanted if name not in ran.overlays]
    both = {path: value for path, value in ran.changes.items() if path not in changes} | dict(changes)
    if wanted == ran.overlays and not changes:
        # As it ran, or as it is registered: what is written down about the base stays as it was written.
        return Composition(document.tables, Layers(wanted, both, ran.replaced))
    if ran.replaced is None:
        tables = apply_changes(_laid(document.tables, document, new), changes)
        return Composition(tables, Layers(wanted if new else ran.overlays, both, None))
    tables = document.tables
    if wanted != ran.overlays:
        tables = ran.replaced.restored(tables, keep=changed_paths(tables, ran.changes))
        if again := [name for name in wanted if name in ran.overlays]:
            tables = apply_changes(_laid(tables, document, again), ran.changes)
        tables = _laid(tables, document, new)
    tables = apply_changes(tables, changes)
    base = ran.replaced.restored(document.tables)
    return Composition(tables, Layers(wanted, both, Replaced.between(base, tables)))


def _laid(tables: Table, document: TaskDocument, overlays: Iterable[str]) -> Table:
    for name in overlays:
        tables = merge(tables, document.overlays.get(name, {}))
    return tables
