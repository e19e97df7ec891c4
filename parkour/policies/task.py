"""The task that weights were trained for, rebuilt from what their checkpoint says."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from parkour.errors import CheckpointError, PluginError, TaskError, UnknownNameError
from parkour.policies.source import Weights, is_pretrained
from parkour.registry import BUILTIN, Registry, default_registry
from parkour.specs import Kind
from parkour.tasks.changes import Changes
from parkour.tasks.document import TaskDocument, read_tables
from parkour.tasks.missing import TRAINING, find_missing
from parkour.tasks.resolve import load_model, resolve_task
from parkour.tasks.resolved import ResolvedTask

_log = logging.getLogger(__name__)

TRAINED = ("policy", "algorithm")
"""Sections that stay as the weights were trained with, whatever overlay they came from."""


def document_of(weights: Weights) -> TaskDocument:
    """The task of a checkpoint, not resolved yet.

    Raises:
        CheckpointError: the checkpoint's task is malformed.
    """
    try:
        return read_tables(weights.checkpoint.task, f"the task of checkpoint {weights.path}")
    except TaskError as error:
        raise CheckpointError(error.message, hint=error.hint) from None


def task_of(
    weights: Weights,
    overlay: str | None = None,
    changes: Changes | None = None,
    *,
    document: TaskDocument | None = None,
    registry: Registry | None = None,
    spare: Collection[Kind] = (),
) -> ResolvedTask:
    """The task that weights were trained for, under an overlay of its own; see :func:`parkour.tasks.load_task`.

    Args:
        weights: what was trained.
        overlay: as for :func:`parkour.tasks.load_task`; as it was trained when None.
        changes: applied last.
        document: of the weights, where it was read before.
        registry: where names are looked up; what is installed when None.
        spare: kinds of components that are left out, with a line, where they are not installed.

    Raises:
        CheckpointError: the task needs a component that is not installed.
        TaskError: a change does not fit the task.
    """
    document, registry = document or document_of(weights), registry or default_registry()
    if overlay is not None and document.ran.replaced is not None:
        ran = replace(document.ran, replaced=document.ran.replaced.outside(TRAINED))
        document = replace(document, ran=ran)
    stated = weights.checkpoint.stamp.conditions
    version = (stated.robot_version if stated else None) or None
    try:
        task = resolve_task(
            document, overlay=overlay, changes=changes, registry=registry, spare=spare, robot_version=version,
            shipped_with=BUILTIN if is_pretrained(weights.path) else None,
        )  # fmt: skip
    except (PluginError, UnknownNameError) as error:
        if any(name and f"{name}'" in error.message for name in _named(changes or {})):
            raise  # The user's word, not the checkpoint's.
        name = error.name if isinstance(error, UnknownNameError) else ""
        distribution = name.rpartition(":")[0]
        install = f"install the plugin that provides it: pip install {distribution}" if distribution else error.hint
        if overlay is not None and all(item.kind in TRAINING for item in find_missing(load_model(document), registry)):
            install = f"{install}; to do without what only training needs: --allow-missing"
        broken = error.hint if "missing because" in (error.hint or "") else None
        raise CheckpointError(
            f"the task of checkpoint {weights.path} cannot be rebuilt here: {error.message}", hint=broken or install
        ) from error
    for item in task.left_out:
        _log.warning("left out: %s", item)
    return task


def _named(value: Any) -> Iterator[str]:
    """Texts that changes name components by, and others."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from (str(key).partition(":")[2], *_named(item))
    elif isinstance(value, str):
        yield value
