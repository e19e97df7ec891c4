"""The courses of a run, and a robot's way along one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parkour.errors import ExportError, UnknownNameError
from parkour.exporters.manifest import Manifest
from parkour.mdp.twins import TwinGoals
from parkour.registry import default_registry
from parkour.specs import TerrainSpec
from parkour.tasks.components import load_component
from parkour.tasks.sections import CourseField
from parkour.terrain.field import FieldTerrain, TerrainField, build_field
from parkour.terrain.progress import way_lengths, winds
from parkour.terrain.raster import OPEN


@dataclass(frozen=True)
class CoursePlan:
    """Which courses: ``episodes`` of each terrain, difficulties evenly over the range."""

    terrains: tuple[str, ...]
    difficulty: tuple[float, float]
    episodes: int
    seed: int

    def numbers(self) -> dict[str, object]:
        """What it changes of a task's ``course``."""
        low, high = self.difficulty
        if self.episodes == 1:
            low = high = (low + high) / 2
        return {
            "levels": self.episodes,
            "columns": len(self.terrains),
            "difficulty": "levels",
            "difficulty_range": (low, high),
            "curriculum": False,
            "start_levels": (0, max(0, self.episodes - 1)),
        }


def choose_terrains(manifest: Manifest, wanted: Sequence[str]) -> tuple[str, ...]:
    """The terrains asked for, or all of the task's.

    Raises:
        UnknownNameError: one is neither the task's nor installed.
    """
    if not wanted:
        return tuple(manifest.terrains)
    for name in wanted:
        if name not in manifest.terrains:
            try:
                default_registry().get("terrain", name)
            except UnknownNameError as error:
                raise UnknownNameError(
                    "terrain", name, {*manifest.terrains, *(s.spec.name for s in default_registry().specs("terrain"))}
                ) from error
    return tuple(dict.fromkeys(wanted))


def build_courses(manifest: Manifest, plan: CoursePlan) -> TerrainField:
    """The field of courses: level ``i`` of column ``j`` is episode ``i`` on terrain ``j``.

    Raises:
        ExportError: a terrain's plugin is no longer installed.
        TerrainError: a generator breaks its contract.
    """
    course = CourseField.model_validate({**manifest.course.model_dump(), **plan.numbers()})
    return build_field(course, {name: _terrain(manifest, name) for name in plan.terrains}, plan.seed)


def _terrain(manifest: Manifest, name: str) -> FieldTerrain:
    entry = manifest.terrains.get(name)
    use = entry.use if entry else name
    try:
        found = default_registry().get("terrain", use)
    except UnknownNameError as error:
        distribution = use.partition(":")[0]
        raise ExportError(
            f"terrain {name!r} of the export is {use!r}, and no plugin that is installed provides it",
            hint=f"pip install {distribution}, or choose others with --terrain",
        ) from error
    component = load_component(found, name, entry.params if entry else {}, ("terrains", name, "params"))
    flat = isinstance(found.spec, TerrainSpec) and found.spec.flat
    return FieldTerrain(component.target, component.params, 1.0, flat)


class Patch:
    """One course of a field."""

    def __init__(self, field: TerrainField, index: int) -> None:
        self.field = field
        self.level, self.column = divmod(index, field.columns)
        self.name = field.names[int(field.terrain[index])]
        self.flat = bool(field.flat[index])
        self.difficulty = float(field.difficulty[index])
        self.boxes = field.boxes[index]
        self.spawn = field.spawn[index].astype(float)
        self.goals = field.goals[index][: int(field.goal_count[index])].astype(float)
        self._height, self._edge, self._grid = field.height[index], field.edge[index], field.grid
        one = slice(index, index + 1)
        self._winding = bool(winds(field.goals[one], field.spawn[one])[0])
        self._way = way_lengths(field.goals[one], field.spawn[one])[0]
        self._length = field.length
        self._ceiling = None if field.ceiling is None else field.ceiling[index]

    def height(self, xy: np.ndarray) -> np.ndarray:
        """Ground height [m] at points ``[..., 2]``."""
        return self._height[self._cells(xy)]

    def ceiling(self, xy: np.ndarray) -> np.ndarray:
        """Lowest surface overhead [m] at points ``[..., 2]``; :data:`OPEN` where there is none."""
        return np.full(xy.shape[:-1], OPEN) if self._ceiling is None else self._ceiling[self._cells(xy)]

    def edge(self, xy: np.ndarray) -> np.ndarray:
        """Whether points ``[..., 2]`` lie on an edge."""
        return self._edge[self._cells(xy)]

    def displacement(self, xy: np.ndarray, reached: int) -> float:
        """See :meth:`parkour.terrain.library.CourseState.displacement`; of one robot."""
        part = (xy[0] - self.spawn[0]) / self._length
        if self._winding:
            count = len(self.goals)
            left = float(np.linalg.norm(self.goals[min(reached, count - 1)] - xy))
            along = max(self._way[reached], self._way[min(reached + 1, count)] - left)
            part = along / max(self._way[-1], 1e-6)
        return float(np.clip(np.nan_to_num(part), 0.0, 1.0))

    def _cells(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # Single precision, as on the robot's side of training: which cell a point on a border belongs to is chance.
        return self._grid.index(np.asarray(xy, np.float32))


class WayPoints:
    """Which way point is aimed at, and the yaws to it and to the next one.

    Args:
        goals: ``[G, 2]`` [m].
        radius: a way point is reached within this [m] …
        dwell: … for longer than this [s].
        step_dt: control step [s].
    """

    def __init__(self, goals: np.ndarray, *, radius: float, dwell: float, step_dt: float) -> None:
        self.goals, self.radius = goals, radius
        # Counted in whole steps: the first count of steps whose duration is greater than the dwell.
        self._steps_needed = math.floor(dwell / step_dt + 1e-6) + 1
        self._inside = 0
        self.index = 0

    @property
    def done(self) -> bool:
        return self.index >= len(self.goals)

    def advance(self, xy: np.ndarray) -> None:
        """A control step later, at ``xy`` ``[2]``."""
        near = float(np.hypot(*(self._target(0) - xy))) < self.radius
        self._inside = self._inside + 1 if near else 0
        if self._inside >= self._steps_needed and not self.done:
            self.index += 1
            self._inside = 0

    def yaws(self, xy: np.ndarray, yaw: float) -> tuple[float, float]:
        """To this way point and to the next, relative to the robot's heading, within ± pi [rad]."""
        return self._relative(0, xy, yaw), self._relative(1, xy, yaw)

    def seen(self, xy: np.ndarray, yaws: tuple[float, float]) -> TwinGoals:
        """As terms read them, from ``xy`` ``[2]``."""
        offset = self._target(0) - xy
        direction = offset / (float(np.hypot(*offset)) + 1e-5)
        return TwinGoals(self.index, len(self.goals), direction, *yaws)

    def _relative(self, ahead: int, xy: np.ndarray, yaw: float) -> float:
        offset = self._target(ahead) - xy
        return math.remainder(math.atan2(offset[1], offset[0]) - yaw, 2 * math.pi)

    def _target(self, ahead: int) -> np.ndarray:
        return self.goals[min(self.index + ahead, len(self.goals) - 1)]
