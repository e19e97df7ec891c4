"""A resolved task as TOML, which :func:`parkour.tasks.load_task` reads back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w
from pydantic import BaseModel

from parkour.errors import TaskError
from parkour.tasks.changes import SECTIONS
from parkour.tasks.layers import layer_tables
from parkour.tasks.resolved import ResolvedComponent, ResolvedTask
from parkour.tasks.table import Table, merge


def task_tables(task: ResolvedTask) -> Table:
    """The task as TOML values: every number, and the id and version of every component that it uses.

    Overlays and changes that were applied are part of the numbers. ``origin.overlays`` and ``changes`` name them,
    ``base`` has what they replaced, and ``overlays`` keeps all overlays as they were written: so a run's task can be
    evaluated as the task without what belongs to training.
    """
    tables = _dump(task.model, "")
    tables["robot"] = task.robot_source
    for section in SECTIONS.values():
        resolved: Mapping[str, ResolvedComponent] = getattr(task, section)
        for key, component in resolved.items():
            tables[section][key] = _identified(tables[section][key], component, f"{section}.{key}")
    for group, modifiers in task.modifiers.items():
        written = tables["observations"][group]["modifiers"]
        for key, component in modifiers.items():
            written[key] = _identified(written[key], component, f"observations.{group}.modifiers.{key}")
    if task.curriculum is not None:
        tables["curriculum"] = _identified(tables["curriculum"], task.curriculum, "curriculum")
    policy = tables["policy"] = _identified(tables["policy"], task.policy, "policy")
    if isinstance(task.algorithm, BaseModel):
        tables["algorithm"]["params"] = _dump(task.algorithm, "algorithm.params")
    for key, component in task.encoders.items():
        policy["params"][key] = component.id
        policy["encoders"][key] = {"version": component.version, "params": _params(component, f"policy.encoders.{key}")}
    if task.origin is not None:
        tables["origin"] = {"task": task.origin.task}
        if task.origin.version is not None:
            tables["origin"]["version"] = task.origin.version
    tables = merge(tables, layer_tables(task.layers))
    if task.overlays:
        tables["overlays"] = {name: dict(overlay) for name, overlay in task.overlays.items()}
    return tables


def task_to_toml(task: ResolvedTask) -> str:
    """:func:`task_tables` as TOML.

    Raises:
        TaskError: a number is None where its default is not, which TOML cannot say.
    """
    return tomli_w.dumps(task_tables(task))


def _identified(table: Table, component: ResolvedComponent, path: str) -> Table:
    """A component's table with its identity first, whatever the task left out."""
    rest = {key: value for key, value in table.items() if key not in ("use", "version", "params")}
    return {"use": component.id, "version": component.version, **rest, "params": _params(component, path)}


def _params(component: ResolvedComponent, path: str) -> Table:
    return _dump(component.params, f"{path}.params") if isinstance(component.params, BaseModel) else {}


def _dump(model: BaseModel, path: str) -> Table:
    """A model as TOML values. None is left out, which reads back as the default."""
    return {
        key: _value(getattr(model, key), f"{path}.{key}".lstrip("."))
        for key, field in model.__class__.model_fields.items()
        if not _absent(getattr(model, key), field.default, f"{path}.{key}".lstrip("."))
    }


def _absent(value: Any, default: Any, path: str) -> bool:
    if value is None and default is not None:
        raise TaskError(f"{path} is None, which TOML cannot say; expected a value")
    return value is None


def _value(value: Any, path: str) -> Any:
    if isinstance(value, BaseModel):
        return _dump(value, path)
    if isinstance(value, Mapping):
        return {str(key): _value(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(item, path) for item in value]
    return value
