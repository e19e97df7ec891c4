"""The field: levels by columns of patches, with everything that engines and terms look up in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from parkour.errors import TerrainError
from parkour.terrain.box import Box
from parkour.terrain.raster import OPEN, Grid, ceiling_raster, edge_raster, height_raster
from parkour.terrain.roughness import amplitude_range, bumps
from parkour.terrain.sub_terrain import PATCH_LENGTH, SubTerrain

PARKED_DEPTH = -50.0
"""Height of the first unused box [m]; each further one is parked 2 m lower."""
PARKED_HALF_SIZE = 0.05
"""Half extents of unused boxes [m]."""

Generator = Callable[[float, np.random.Generator, Any], SubTerrain]
"""A terrain's target: ``(difficulty, rng, params) -> SubTerrain``."""


class FieldTerrain(NamedTuple):
    """A terrain of the field."""

    target: Generator
    params: Any
    """Instance of its parameter model, or None."""
    share: float
    """Part of the columns, relative to the other shares."""
    flat: bool = False
    """Whether policies see it as flat."""
    graded: bool = True
    """Whether its courses depend on the difficulty."""


class FieldNumbers(Protocol):
    """What the field needs; :class:`parkour.tasks.sections.CourseField` fulfils it and documents the numbers."""

    @property
    def length(self) -> float: ...
    @property
    def width(self) -> float: ...
    @property
    def levels(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def difficulty(self) -> Literal["levels", "random"]: ...
    @property
    def difficulty_range(self) -> tuple[float, float]: ...
    @property
    def roughness(self) -> tuple[float, float]: ...
    @property
    def max_boxes(self) -> int: ...
    @property
    def max_goals(self) -> int: ...
    @property
    def cell(self) -> float: ...
    @property
    def edge_slope(self) -> float: ...
    @property
    def edge_width(self) -> float: ...


@dataclass(frozen=True)
class TerrainField:
    """``P = levels * columns`` patches; patch ``p = level * columns + column``. Numpy arrays."""

    names: tuple[str, ...]
    """Terrains of the task, in its order, those without a column included."""
    levels: int
    columns: int
    boxes: np.ndarray
    """``[P, K, 10]`` float32: centre, quaternion (w, x, y, z), half extents; unused ones parked far below."""
    goals: np.ndarray
    """``[P, G, 2]`` float32 way points [m], filled up with each patch's last one."""
    goal_count: np.ndarray
    """``[P]`` int64 way points that count."""
    spawn: np.ndarray
    """``[P, 3]`` float32 start positions on the ground [m]."""
    difficulty: np.ndarray
    """``[P]`` float32."""
    terrain: np.ndarray
    """``[P]`` int64 index into ``names``."""
    flat: np.ndarray
    """``[P]`` bool."""
    height: np.ndarray
    """``[P, NX, NY]`` float32 height of the ground, bumps included, what hangs overhead not [m]."""
    edge: np.ndarray
    """``[P, NX, NY]`` bool edges of obstacles; bumps have none."""
    grid: Grid
    """Where the cells of the rasters lie."""
    ungraded: frozenset[str] = frozenset()
    """Names of terrains whose courses do not depend on the difficulty."""
    length: float = PATCH_LENGTH
    """Extent of a patch along x [m]."""
    ceiling: np.ndarray | None = None
    """``[P, NX, NY]`` float32 lowest surface overhead [m], :data:`OPEN` where there is none; None where no patch has
    any."""


@dataclass(frozen=True)
class Patch:
    """One patch, roughness included."""

    sub_terrain: SubTerrain
    boxes: tuple[Box, ...]
    """Obstacles, then bumps."""
    height: np.ndarray
    """``[NX, NY]`` float32 [m], bumps included."""
    edge: np.ndarray
    """``[NX, NY]`` bool."""
    ceiling: np.ndarray | None = None
    """``[NX, NY]`` float32 [m]; None where nothing hangs overhead."""


def build_field(task_course: FieldNumbers, terrains: Mapping[str, FieldTerrain], seed: int) -> TerrainField:
    """Generates every patch of a field.

    A patch depends on the seed, its level and its column alone.

    Args:
        task_course: levels, columns, roughness and the like (``task.model.course``).
        terrains: the task's terrains by name; plain tuples of the same shape do as well.
        seed: of all draws.

    Raises:
        TerrainError: the shares sum to 0, or a generator raises or breaks its contract; names the terrain.
    """
    entries = {name: FieldTerrain(*entry) for name, entry in terrains.items()}
    column_terrain = assign_columns({name: entry.share for name, entry in entries.items()}, task_course.columns)
    grid = Grid.of_patch(task_course.cell, task_course.length, task_course.width)
    count = task_course.levels * task_course.columns
    names, values = tuple(entries), list(entries.values())
    field = TerrainField(
        names=names,
        levels=task_course.levels,
        columns=task_course.columns,
        boxes=np.tile(_parked(task_course.max_boxes), (count, 1, 1)),
        goals=np.zeros((count, task_course.max_goals, 2), np.float32),
        goal_count=np.zeros(count, np.int64),
        spawn=np.zeros((count, 3), np.float32),
        difficulty=np.zeros(count, np.float32),
        terrain=np.tile(column_terrain, task_course.levels),
        flat=np.array([values[index].flat for index in column_terrain] * task_course.levels),
        height=np.zeros((count, *grid.shape), np.float32),
        edge=np.zeros((count, *grid.shape), bool),
        grid=grid,
        length=task_course.length,
        ungraded=frozenset(name for name, entry in entries.items() if not entry.graded),
    )
    ceilings: dict[int, np.ndarray] = {}
    for p in range(count):
        level, column = divmod(p, task_course.columns)
        streams = [np.random.default_rng([seed % 2**32, level, column, k]) for k in range(3)]
        difficulty = _difficulty(task_course, level, streams[0])
        index = column_terrain[column]
        entry = values[index]
        patch = build_patch(names[index], entry.target, entry.params, difficulty, task_course, streams[1:], grid)
        _store(field, p, patch, difficulty)
        if patch.ceiling is not None:
            ceilings[p] = patch.ceiling
    return dataclasses.replace(field, ceiling=_ceilings(field, ceilings)) if ceilings else field


def build_patch(
    name: str,
    target: Generator,
    params: Any,
    difficulty: float,
    course: FieldNumbers,
    streams: list[np.random.Generator],
    grid: Grid | None = None,
) -> Patch:
    """Generates and checks one patch, lays its bumps and draws its rasters.

    Args:
        name: of the terrain, for errors.
        target: the generator.
        params: its parameters.
        difficulty: in [0, 1].
        course: numbers of the field.
        streams: random generators of the obstacles and of the bumps.
        grid: cells of the rasters; the whole patch at ``course.cell`` when left out.

    Raises:
        TerrainError: the generator raises or breaks its contract.
    """
    grid = grid or Grid.of_patch(course.cell, course.length, course.width)
    sub_terrain = generate(name, target, params, difficulty, course, streams[0])
    boxes = tuple(sub_terrain.boxes)
    heights, ceiling = height_raster(boxes, grid), ceiling_raster(boxes, grid)
    amplitude = amplitude_range(course.roughness, difficulty)
    room = course.max_boxes - len(boxes)
    rough = bumps(sub_terrain, heights, grid, amplitude, room, streams[1], ceiling, course.length)
    return Patch(
        sub_terrain=sub_terrain,
        boxes=(*boxes, *rough),
        height=height_raster(rough, grid, heights),
        edge=edge_raster(heights, grid.cell, course.edge_slope, course.edge_width),
        ceiling=ceiling,
    )


def generate(name: str, target: Generator, params: Any, difficulty: float, course: FieldNumbers,
             rng: np.random.Generator) -> SubTerrain:  # fmt: skip
    """Calls a generator and checks what it returns.

    Raises:
        TerrainError: it raised, or returned something that breaks the contract; names the terrain.
    """
    hint = f"parkour plugins show {name}"
    try:
        result = target(difficulty, rng, params)
    except Exception as error:
        reason = f"its generator raised {type(error).__name__}: {error}"
        raise TerrainError(f"terrain {name!r} at difficulty {difficulty:.2f}: {reason}", hint=hint) from error
    if not isinstance(result, SubTerrain):
        raise TerrainError(f"terrain {name!r}: got a {type(result).__name__}, expected a SubTerrain", hint=hint)
    result.check(name, course.max_boxes, course.max_goals, (course.length, course.width))
    return result


def assign_columns(shares: Mapping[str, float], columns: int) -> np.ndarray:
    """``[columns]`` int64 index of each column's terrain: contiguous, in proportion to the shares.

    Every terrain with a share above 0 gets a column if there are enough; with fewer columns than terrains the
    greatest shares come first (of equal ones the earlier).

    Raises:
        TerrainError: the shares sum to 0, or one is negative or not finite.
    """
    weights = np.array(list(shares.values()), float)
    if len(weights) == 0 or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
        listed = ", ".join(f"{name}={share:g}" for name, share in shares.items()) or "none"
        raise TerrainError(
            f"terrain shares: got {listed}; expected numbers from 0 up with a sum above 0",
            hint="give one a share: --set terrains.flat.share=1",
        )
    ideal = weights / weights.sum() * columns
    counts = np.floor(ideal + 1e-9).astype(int)
    # The largest remainder gets the next column, a terrain still without one before all others.
    while counts.sum() < columns:
        wanting = (weights > 0) & (counts == 0)
        counts[np.argmax(ideal - counts + 1e-9 * weights + wanting * (1.0 + weights))] += 1
    for index in np.flatnonzero((weights > 0) & (counts == 0)):
        richest = int(np.argmax(counts))
        if counts[richest] > 1:
            counts[richest] -= 1
            counts[index] += 1
    return np.repeat(np.arange(len(counts)), counts)


def _difficulty(course: FieldNumbers, level: int, rng: np.random.Generator) -> float:
    low, high = course.difficulty_range
    part = level / max(course.levels - 1, 1) if course.difficulty == "levels" else float(rng.random())
    return low + (high - low) * part


def _parked(count: int) -> np.ndarray:
    rows = np.zeros((count, 10), np.float32)
    rows[:, 2] = PARKED_DEPTH - 2.0 * np.arange(count)
    rows[:, 3] = 1.0
    rows[:, 7:] = PARKED_HALF_SIZE
    return rows


def _ceilings(field: TerrainField, ceilings: Mapping[int, np.ndarray]) -> np.ndarray:
    """``[P, NX, NY]``: open but on the patches that have a ceiling."""
    rasters = np.full(field.height.shape, OPEN, np.float32)
    for p, ceiling in ceilings.items():
        rasters[p] = ceiling
    return rasters


def _store(field: TerrainField, p: int, patch: Patch, difficulty: float) -> None:
    goals = np.asarray(patch.sub_terrain.goals, np.float32)
    field.boxes[p, : len(patch.boxes)] = [box.row() for box in patch.boxes]
    field.goals[p] = goals[-1]
    field.goals[p, : len(goals)] = goals
    field.goal_count[p] = len(goals)
    field.spawn[p] = patch.sub_terrain.spawn
    field.difficulty[p] = difficulty
    field.height[p] = patch.height
    field.edge[p] = patch.edge
