"""Tasks as they are written: TOML files, TOML resources of packages, and mappings; nothing heavy is imported."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from parkour.arguments import plain
from parkour.errors import PluginError, TaskError
from parkour.reading import MalformedError, check_values, parse_toml, read_text, user_path
from parkour.registry import RegisteredSpec, Registry, resolve_target
from parkour.registry.registry import pick
from parkour.specs import TaskSpec
from parkour.tasks.layers import Layers, take_layers
from parkour.tasks.resolved import TaskOrigin
from parkour.tasks.table import Table, merge

TaskSource = str | os.PathLike[str] | Mapping[str, Any]
"""What a task is loaded from: a name, a file, or tables."""
OVERLAYS = ("train", "eval", "play")
"""Overlays that every task has, be they empty."""


@dataclass(frozen=True)
class TaskDocument:
    """A task's tables, with ``extends`` followed: as written, or as it ran."""

    tables: Table
    overlays: dict[str, Table]
    """As written, by name."""
    origin: TaskOrigin
    ran: Layers = field(default_factory=Layers)
    """What the tables of a resolved task hold besides its base."""


def find_task(registry: Registry, name: str) -> tuple[RegisteredSpec, str | None]:
    """The task of a name, id or alias, and the overlay that the alias stands for.

    Raises:
        UnknownNameError: nothing has this name.
        AmbiguousNameError: several distributions have it, and none of them is the built-in one.
    """
    tasks = registry.specs("task")
    names = {item.spec.name for item in tasks} | {item.id for item in tasks}
    aliases: dict[str, list[tuple[RegisteredSpec, str | None]]] = {}
    for item in tasks:
        if isinstance(item.spec, TaskSpec):
            for alias in item.spec.aliases:
                aliases.setdefault(alias.name, []).append((item, alias.overlay))
    if name in names or name not in aliases:
        if name not in names and ":" not in name:
            raise registry.unknown("task", name, {item.spec.name for item in tasks} | set(aliases))
        return registry.get("task", name), None
    chosen = pick("task", name, [item for item, _ in aliases[name]])
    return next(pair for pair in aliases[name] if pair[0] is chosen)


def read_task(task: TaskSource, registry: Registry) -> tuple[TaskDocument, str | None]:
    """A task's document, and the overlay that its name stands for.

    Args:
        task: name, id or alias of a registered task, the path of a TOML file, or tables as such a file holds them.
        registry: where names are looked up.
    """
    if isinstance(task, Mapping):
        with _bounded("the task"):
            tables = copy.deepcopy(check_values(plain(task)))  # Again: an array may hold more than what it stood in.
        return _document(tables, TaskOrigin("tables"), registry, base=None, chain=()), None
    if not isinstance(task, (str, os.PathLike)):
        raise TaskError(f"got the task {task!r}, expected its name, its file or its tables", hint="parkour tasks list")
    return _read(task, registry, base=None, chain=())


def read_registered(item: RegisteredSpec, registry: Registry) -> TaskDocument:
    """The document of a registered task."""
    return _read_registered(item, registry, chain=())


def read_tables(tables: Mapping[str, Any], where: str) -> TaskDocument:
    """The document of a task that was resolved before, as checkpoints of strangers hold it.

    Raises:
        TaskError: it is malformed, or refers to another task (``extends``), which a resolved one does not.
    """
    if "extends" in tables:
        raise TaskError(f"{where}: extends: expected a resolved task, which extends no other")
    if not isinstance(tables.get("name"), str):
        raise TaskError(f"{where}: name: expected the name of the task")
    with _bounded(where):
        check_values(tables)
    return _split(copy.deepcopy(dict(tables)), TaskOrigin(where))


def read_resolved(path: Path) -> TaskDocument:
    """The document of a task that was resolved before and written to a file, as exports of strangers hold it.

    Raises:
        TaskError: see :func:`read_tables`; or the file cannot be read.
    """
    return read_tables(_parse(_read_text(path), str(path)), str(path))


def document_tables(document: TaskDocument) -> Table:
    """A task that never ran as one set of tables, which :func:`read_tables` takes."""
    origin = {key: value for key, value in vars(document.origin).items() if value is not None}
    return {**copy.deepcopy(document.tables), "origin": origin, "overlays": copy.deepcopy(document.overlays)}


def _read(
    name: str | os.PathLike[str], registry: Registry, *, base: Path | None, chain: tuple[str, ...]
) -> tuple[TaskDocument, str | None]:
    if _is_path(name):
        path = _path_of(name)
        path = path if base is None else base / path
        text = _read_text(path)
        tables = _parse(text, str(path))
        tables.setdefault("name", path.stem)
        return _document(tables, TaskOrigin(str(path.resolve())), registry, base=path.parent, chain=chain), None
    item, overlay = find_task(registry, os.fspath(name))
    return _read_registered(item, registry, chain=chain), overlay


def _is_path(name: str | os.PathLike[str]) -> bool:
    return not isinstance(name, str) or name.endswith(".toml") or "/" in name or os.sep in name


def _path_of(name: str | os.PathLike[str]) -> Path:
    try:
        return user_path(os.fspath(name))
    except MalformedError as error:
        raise TaskError(f"no task file: {error}", hint="parkour tasks list") from None


@contextmanager
def _bounded(where: str) -> Iterator[None]:
    """What comes as tables is as bounded as what comes as text: what is wrong with them is told in a line."""
    try:
        yield
    except MalformedError as error:
        raise TaskError(f"{where}: {error}") from None


def _read_text(path: Path) -> str:
    try:
        return read_text(path)
    except FileNotFoundError:
        raise TaskError(f"no task file at {path}", hint="parkour tasks list") from None
    except OSError as error:
        raise TaskError(f"cannot read the task file {path}: {error.strerror or error}") from error
    except MalformedError as error:
        raise TaskError(f"cannot read the task file {path}: {error}") from None


def _parse(text: str, where: str) -> Table:
    try:
        return parse_toml(text)
    except MalformedError as error:
        raise TaskError(f"{where} is not valid TOML: {error}") from None


def _read_registered(item: RegisteredSpec, registry: Registry, *, chain: tuple[str, ...]) -> TaskDocument:
    target = item.spec.target
    package, _, attribute = target.partition(":")
    if target.endswith(".toml"):
        try:
            text = files(package).joinpath(attribute).read_text(encoding="utf-8")
        except Exception as error:  # The package's own __init__ runs here, and may raise anything.
            raise PluginError(f"task {item.id!r}: cannot read {target!r} ({error})") from error
        tables = _parse(text, target)
    else:
        found = resolve_target(target, owner=f"task {item.id!r}")
        if not isinstance(found, Mapping):
            raise PluginError(f"task {item.id!r}: {target!r} is a {type(found).__name__}, expected a mapping")
        tables = copy.deepcopy(dict(found))
    tables.setdefault("name", item.spec.name)
    return _document(tables, TaskOrigin(item.id, item.version), registry, base=None, chain=chain)


def _document(
    tables: Table, origin: TaskOrigin, registry: Registry, *, base: Path | None, chain: tuple[str, ...]
) -> TaskDocument:
    """Split a task's tables, and merge them over those of the task it extends."""
    if origin.task in chain:
        raise TaskError(f"tasks extend each other in a circle: {' → '.join((*chain, origin.task))}")
    parent_name = tables.pop("extends", None)
    document = _split(tables, origin)
    if parent_name is None:
        return document
    if not isinstance(parent_name, str):
        raise TaskError(f"{origin.task}: extends: got {parent_name!r}, expected the name or file of a task")
    parent, _ = _read(parent_name, registry, base=base, chain=(*chain, origin.task))
    tables, overlays = parent.tables, parent.overlays
    if _replaces_policy(tables, document.tables):
        tables = _without_numbers(tables)
        overlays = {name: _without_numbers(overlay) for name, overlay in overlays.items()}
    return TaskDocument(merge(tables, document.tables), merge(overlays, document.overlays), document.origin)


def _split(tables: Table, origin: TaskOrigin) -> TaskDocument:
    """A task's own tables, apart from overlays and from what a resolved one says about its making."""
    overlays = tables.pop("overlays", {})
    if not isinstance(overlays, dict) or not all(isinstance(overlay, dict) for overlay in overlays.values()):
        raise TaskError(f"{origin.task}: overlays: expected tables such as [overlays.eval]")
    written = tables.pop("origin", {})
    if not isinstance(written, dict):
        written = {}
    layers = take_layers(tables, written, origin.task)
    known = TaskOrigin(str(written.get("task", origin.task)), written.get("version", origin.version))
    return TaskDocument(tables, overlays, known, layers)


def _replaces_policy(parent: Table, child: Table) -> bool:
    """Whether a task has another policy than the one that it extends."""
    ours, theirs = (tables.get("policy") for tables in (child, parent))
    if not isinstance(ours, Mapping) or not isinstance(theirs, Mapping):
        return False
    return ours.get("use") not in (None, theirs.get("use"))


def _without_numbers(tables: Table) -> Table:
    """A task's or an overlay's tables without the numbers of its policy, which mean nothing to another one."""
    rest = {key: value for key, value in tables.items() if key != "policy"}
    if isinstance(algorithm := tables.get("algorithm"), Mapping):
        rest["algorithm"] = {key: value for key, value in algorithm.items() if key != "params"}
    return rest
