"""A terrain whose numbers somebody changes one at a time: what can be changed, the patch it makes, the task it is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tomli_w
from annotated_types import Ge, Le

from parkour.errors import ParkourError
from parkour.params import Params, Within
from parkour.specs import TerrainSpec
from parkour.tasks.change_text import write_value
from parkour.tasks.changes import join_path
from parkour.tasks.resolved import ResolvedComponent
from parkour.tasks.sections import CourseField
from parkour.tasks.table import Table, merge
from parkour.tasks.validation import validate
from parkour.terrain.field import Patch, build_patch
from parkour.terrain.raster import Grid

LONGEST_LIST = 4
"""Of numbers with a slider each."""


@dataclass(frozen=True)
class Knob:
    """One number of a terrain, or something that is so or not."""

    key: str
    place: int | None
    """In the list that the parameter is; None where it is no list."""
    kind: type[bool] | type[int] | type[float]
    low: float
    high: float
    step: float
    unit: str
    text: str
    """What the parameter is."""

    @property
    def label(self) -> str:
        """For people: ``gap_length 1 [m]`` is the first number of a pair."""
        place = "" if self.place is None else f" {self.place + 1}"
        return f"{self.key}{place}{f' [{self.unit}]' if self.unit else ''}"

    def checked(self, value: Any) -> float | bool | None:
        """``value`` as this takes it, between its bounds; None for what is no number (a client may send anything)."""
        if self.kind is bool:
            return value if isinstance(value, bool) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return None
        bounded = min(max(value, self.low), self.high)
        return round(bounded) if self.kind is int else round(float(bounded), 6)


def knobs_of(params: Params | None) -> tuple[Knob, ...]:
    """One per number of a terrain's parameters; texts have none."""
    if params is None:
        return ()
    found: list[Knob] = []
    for key in type(params).model_fields:
        value = getattr(params, key)
        numbers = value if isinstance(value, tuple) else (value,)
        if len(numbers) <= LONGEST_LIST and all(isinstance(number, (bool, int, float)) for number in numbers):
            places: Sequence[int | None] = range(len(numbers)) if isinstance(value, tuple) else (None,)
            found += [_knob(params, key, place, numbers) for place in places]
    return tuple(found)


def _knob(params: Params, key: str, place: int | None, numbers: tuple[Any, ...]) -> Knob:
    field = type(params).model_fields[key]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    text = " ".join((field.description or "").split())
    kind = next(known for known in (bool, int, float) if isinstance(numbers[place or 0], known))
    low, high = _span(field.metadata, [float(number) for number in numbers])
    step = 1.0 if kind is int else 10.0 ** (math.floor(math.log10(high - low)) - 2)
    # Many lengths are above 0, by the least that can be set.
    if low == 0.0 and _refuses(params, key, place, low):
        low = step
    return Knob(key, place, kind, low, high, step, str(extra.get("unit", "")), text)


def _span(metadata: Sequence[Any], numbers: Sequence[float]) -> tuple[float, float]:
    """From where to where a slider goes: to twice the greatest number, and to the field's bounds if they are near."""
    least = max((_bound(part.ge) for part in metadata if isinstance(part, (Within, Ge))), default=-math.inf)
    most = min((_bound(part.le) for part in metadata if isinstance(part, (Within, Le))), default=math.inf)
    reach = 2 * max(map(abs, numbers)) or 1.0
    return max(-reach if min(numbers) < 0 else 0.0, least), most if most <= 2 * reach else reach


def _bound(value: Any) -> float:
    return float(value)


def _refuses(params: Params, key: str, place: int | None, number: float) -> bool:
    tables = _tables(params)
    if place is None:
        tables[key] = number
    else:
        tables[key] = [number] * len(tables[key])
    try:
        validate(type(params), tables)
    except ParkourError:
        return True
    return False


def _tables(params: Params | None) -> Table:
    return {} if params is None else params.model_dump(mode="json")


class TerrainEditor:
    """Values and what they make.

    Args:
        terrain: of a task, with the parameters to begin with.
        course: numbers of the task's field.
        base: the parameters that the task has by itself; what differs from them is what was changed.
        extends: name or file of the task.
        more: what besides makes the task another one, as tables.
        difficulty: to begin with.
        seed: of the draws, to begin with.

    Raises:
        ParkourError: the terrain cannot be drawn as it is.
    """

    def __init__(
        self, terrain: ResolvedComponent, course: CourseField, base: Mapping[str, Any], extends: str,
        more: Table | None = None, *, difficulty: float = 0.5, seed: int = 0,
    ) -> None:  # fmt: skip
        assert isinstance(terrain.spec, TerrainSpec)
        self.terrain, self.graded = terrain, terrain.spec.graded
        self.knobs = knobs_of(terrain.params)
        self.difficulty, self.seed = difficulty, seed
        self.trouble = ""
        """Why the values make no patch; empty where they do."""
        self.grid = Grid.of_patch(course.cell, course.length, course.width)
        self._course, self._base, self._extends, self._more = course, dict(base), extends, more or {}
        self._first = _tables(terrain.params)
        self.values: Table = _tables(terrain.params)
        """Of all parameters, as TOML has them."""
        self.patch = self._draw()
        """The last one that could be drawn."""

    def value(self, knob: Knob) -> float | bool:
        """What a knob stands at."""
        value = self.values[knob.key]
        return value if knob.place is None else value[knob.place]

    def set(self, knob: Knob, value: Any) -> None:
        """Turn a knob; what is no such value changes nothing."""
        checked = knob.checked(value)
        if checked is None:
            return
        if knob.place is None:
            self.values[knob.key] = checked
        else:
            numbers = list(self.values[knob.key])
            numbers[knob.place] = checked
            self.values[knob.key] = numbers

    def reset(self) -> None:
        """All values as they were at first."""
        self.values = merge(self._first, {})

    def redraw(self) -> None:
        """Make the patch of the values, or say in :attr:`trouble` why there is none."""
        try:
            self.patch, self.trouble = self._draw(), ""
        except ParkourError as error:
            self.trouble = error.message

    def checked(self) -> Params | None:
        """The parameters that the values are.

        Raises:
            ParkourError: no task can have them: an upper end is below the lower one, say.
        """
        params = self.terrain.params
        if params is None:
            return None
        return validate(type(params), self.values, path=("terrains", self.terrain.key, "params"))

    def _draw(self) -> Patch:
        key, params = self.terrain.key, self.checked()
        streams = [np.random.default_rng([self.seed % 2**32, k]) for k in range(2)]
        return build_patch(key, self.terrain.target, params, self.difficulty, self._course, streams, self.grid)

    def changed(self) -> Table:
        """Parameters that are not what the task says."""
        return {key: value for key, value in self.values.items() if value != self._base.get(key)}

    def options(self) -> list[str]:
        """The same for the command line: what follows each ``--set``."""
        path = ("terrains", self.terrain.key, "params")
        return [f"{join_path((*path, key))}={write_value(value)}" for key, value in self.changed().items()]

    def document(self) -> str:
        """A task that is the other one with this terrain, as TOML."""
        own = {"terrains": {self.terrain.key: {"params": self.changed()}}} if self.changed() else {}
        return _short_lists(tomli_w.dumps({"extends": self._extends, **merge(self._more, own)}))


def _short_lists(text: str) -> str:
    """TOML with each list of numbers on one line; texts have no line breaks of their own there."""
    return re.sub(r"\[\n([^\[\]]*?),?\n\s*\]", lambda found: f"[{' '.join(found[1].split())}]", text)
