"""What lies on a task's base: overlays and changes, and what of the base they replaced.

A task is trained as base + overlays + changes, and what that resolved to is written down in full. Beside it stands what
the base says wherever overlays or changes replaced something: so a run gives its base back, with every default as it
was on the day of training, and numbers that somebody edits in a run's ``task.toml`` count everywhere.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parkour.errors import TaskError
from parkour.tasks.changes import Changes, Path, join_path, split_path
from parkour.tasks.table import Table

ENCODER_SUFFIX = "encoder"
"""A policy's text parameters whose names end so are names of encoders."""
_ABSENT = object()


@dataclass(frozen=True)
class Replaced:
    """What the base says where overlays or changes say something else."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """By dotted path."""
    absent: tuple[str, ...] = ()
    """Dotted paths that the base does not have."""

    @classmethod
    def between(cls, base: Table, result: Table) -> Replaced:
        """What must be put back into ``result`` to have ``base``.

        A component that became another one is put back as a whole: the parameters of one mean nothing to the other.
        """
        values: dict[str, Any] = {}
        absent: list[str] = []
        _compare(base, result, (), values, absent)
        if _networks(base) != _networks(result):
            for section in ("policy", "algorithm"):
                values = {path: value for path, value in values.items() if split_path(path)[0] != section}
                absent = [path for path in absent if split_path(path)[0] != section]
                if section in base:
                    values[section] = base[section]
        return cls(copy.deepcopy(values), tuple(absent))

    def restored(self, tables: Table, keep: Iterable[Path] = ()) -> Table:
        """A copy of ``tables`` with the base's values, but for those at, above or below the paths ``keep``."""
        result = copy.deepcopy(tables)
        kept = list(keep)
        for text in self.absent:
            if not _overlaps(path := split_path(text), kept):
                _put(result, path, _ABSENT)
        for text, value in self.values.items():
            if not _overlaps(path := split_path(text), kept):
                _put(result, path, copy.deepcopy(value))
        return result

    def outside(self, sections: Iterable[str]) -> Replaced:
        """The same without what is in ``sections``, which stay as they are when the base is restored."""
        left_out = set(sections)
        return Replaced(
            {path: value for path, value in self.values.items() if split_path(path)[0] not in left_out},
            tuple(path for path in self.absent if split_path(path)[0] not in left_out),
        )


@dataclass(frozen=True)
class Layers:
    """What a task's tables hold besides the base."""

    overlays: tuple[str, ...] = ()
    """In the order in which they were applied."""
    changes: Changes = field(default_factory=dict)
    """See :mod:`parkour.tasks.changes`."""
    replaced: Replaced | None = field(default_factory=Replaced)
    """None where nobody knows, as in runs that did not write it down: their overlays stay in their numbers."""

    @property
    def label(self) -> str | None:
        """The overlays in one word, as ``--overlay`` takes them."""
        return "+".join(self.overlays) or None


def layer_tables(layers: Layers) -> Table:
    """Layers as they stand in a resolved task's tables; :func:`take_layers` reads them.

    Raises:
        TaskError: a change to None, which TOML cannot say.
    """
    for path, value in layers.changes.items():
        if value is None:
            raise TaskError(f"{path} is None, which TOML cannot say; expected a value")
    tables: Table = {}
    if layers.replaced is None:
        return {"origin": {"overlay": layers.label}} if layers.overlays else {}
    if layers.overlays:
        tables["origin"] = {"overlays": list(layers.overlays)}
    if layers.changes:
        tables["changes"] = copy.deepcopy(dict(layers.changes))
    if layers.replaced.values or layers.replaced.absent:
        tables["base"] = {"absent": list(layers.replaced.absent), "values": dict(layers.replaced.values)}
    return tables


def take_layers(tables: Table, origin: Mapping[str, Any], where: str) -> Layers:
    """The layers of a resolved task, taken out of its tables; ``origin`` is its table of that name.

    Raises:
        TaskError: they are malformed.
    """
    changes, base = tables.pop("changes", {}), tables.pop("base", {})
    if isinstance(before := origin.get("overlay"), str):
        return Layers(tuple(before.split("+")), changes, None)
    overlays = origin.get("overlays", [])
    values, absent = (base.get("values", {}), base.get("absent", [])) if isinstance(base, dict) else (None, [])
    if not (isinstance(changes, dict) and isinstance(values, dict) and _texts(absent) and _texts(overlays)):
        raise TaskError(f"{where}: [changes], [base] or origin.overlays: expected them as a run writes them")
    for path in (*values, *absent):
        split_path(path)
    return Layers(tuple(overlays), changes, Replaced(values, tuple(absent)))


def _compare(base: Table, result: Table, path: Path, values: dict[str, Any], absent: list[str]) -> None:
    for key, value in result.items():
        here = (*path, key)
        old = base.get(key, _ABSENT)
        if old is _ABSENT:
            absent.append(join_path(here))
        elif isinstance(old, dict) and isinstance(value, dict) and old.get("use") == value.get("use"):
            _compare(old, value, here, values, absent)
        elif old != value:
            values[join_path(here)] = old


def _networks(tables: Table) -> Any:
    """What says which networks a task has: the names of policy and encoders."""
    policy = tables.get("policy")
    if not isinstance(policy, dict):
        return policy
    params = policy.get("params")
    named = params.items() if isinstance(params, dict) else ()
    return policy.get("use"), {key: value for key, value in named if key.endswith(ENCODER_SUFFIX)}


def _put(tables: Table, path: Path, value: Any) -> None:
    for key in path[:-1]:
        below = tables.get(key)
        if not isinstance(below, dict):
            if value is _ABSENT:
                return
            below = tables[key] = {}
        tables = below
    if value is _ABSENT:
        tables.pop(path[-1], None)
    else:
        tables[path[-1]] = value


def _overlaps(path: Path, kept: Iterable[Path]) -> bool:
    return any(path[: len(other)] == other[: len(path)] for other in kept)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
