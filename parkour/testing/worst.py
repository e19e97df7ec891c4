"""The worst draws of a terrain, by what a robot meets along the way points; and pictures of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parkour.errors import TerrainError
from parkour.terrain.field import Patch
from parkour.terrain.raster import OPEN, Grid, ceiling_raster, height_raster
from parkour.terrain.sub_terrain import PATCH_WIDTH, SubTerrain
from parkour.testing.subject import Subject
from parkour.testing.terrains import ALONG, CELL, LOW, Drawn, draws, patch_of, path_of, sound

PIT = 0.12
"""What lies this far below the start platform counts as a gap; and ground this far below a place as beside it [m]."""
WALL = 0.25
"""Ground that rises by more than this between two neighbouring cells, seen from the way, is a wall beside it [m]."""


@dataclass(frozen=True)
class WorstCase:
    """The draw that is hardest in one respect."""

    what: str
    value: float
    unit: str
    difficulty: float
    seed: int

    def __str__(self) -> str:
        value = f"{self.value:.2f} {self.unit}" if self.unit else f"{self.value:.0f}"
        return f"{self.what} {value}: difficulty {self.difficulty:.2f}, seed {self.seed}"


def worst_cases(subject: Subject) -> list[WorstCase]:
    """Of the sound draws: the widest gap, the highest step, the narrowest way, the lowest ceiling, the most boxes."""
    grid = Grid.of_patch(CELL)
    found: dict[str, WorstCase] = {}
    for drawn, made in sound(subject):
        for what, value, unit, sign in _measures(made, grid):
            best = found.get(what)
            if best is None or sign * value > sign * best.value:
                found[what] = WorstCase(what, value, unit, drawn.difficulty, drawn.seed)
    return [case for case in found.values() if np.isfinite(case.value) and case.value > 0]


def draw_worst(subject: Subject, cases: list[WorstCase], folder: Path) -> Path | None:
    """Writes the worst cases, each patch once, as one PNG. Failed draws that have boxes come first.

    Raises:
        StorageError: the folder cannot be written.
    """
    from parkour.terrain.preview import Scene, save_page

    grid = Grid.of_patch(CELL)
    scenes = []
    for drawn in [drawn for drawn in draws(subject) if drawn.sub_terrain is None][:2]:
        if (patch := _unchecked(subject, drawn)) is not None:
            scenes.append([Scene(f"fails: {drawn.problem[:90]}   seed {drawn.seed}", drawn.difficulty, patch, grid)])
    by_place: dict[tuple[float, int], list[str]] = {}
    for case in cases:
        by_place.setdefault((case.difficulty, case.seed), []).append(str(case).partition(":")[0])
    for (difficulty, seed), titles in by_place.items():
        patch = patch_of(subject, Drawn(difficulty, seed, None))
        scenes.append([Scene(f"{', '.join(titles)}   seed {seed}", difficulty, patch, grid)])
    if not scenes:
        return None
    path = folder / f"{re.sub(r'[^a-z0-9_.-]', '_', subject.registered.id)}.png"
    save_page(scenes, path)
    return path


def _unchecked(subject: Subject, drawn: Drawn) -> Patch | None:
    """A draw that breaks the contract as a patch all the same, if it can be drawn."""
    try:
        made = subject.target(drawn.difficulty, np.random.default_rng(drawn.seed), subject.params)
        made.check(subject.spec.name, max_boxes=10_000, max_goals=10_000)
        grid = Grid.of_patch(CELL)
        heights = height_raster(made.boxes, grid)
        edges = np.zeros(heights.shape, bool)
        return Patch(made, tuple(made.boxes), heights, edges, ceiling_raster(made.boxes, grid))
    except (Exception, TerrainError):
        return None


def _measures(made: SubTerrain, grid: Grid) -> list[tuple[str, float, str, int]]:
    """What, how much, unit, and the sign that makes more of it worse."""
    heights, ceiling = height_raster(made.boxes, grid), ceiling_raster(made.boxes, grid)
    path = path_of(made)
    along = heights[grid.index(path)]
    clearance = np.inf if ceiling is None else float((ceiling[grid.index(path)] - along).min())
    pit = along < -PIT
    steps = np.diff(along[~pit]) if (~pit).sum() > 1 else np.zeros(1)
    return [
        ("widest gap", _longest(pit) * ALONG, "m", 1),
        ("highest step", float(np.abs(steps).max(initial=0.0)), "m", 1),
        ("narrowest way", _narrowest(heights, ceiling, grid, path[~pit], along[~pit]), "m", -1),
        ("lowest ceiling", clearance if clearance < OPEN / 2 else np.inf, "m", -1),
        ("most boxes", float(len(made.boxes)), "", 1),
    ]


def _longest(flags: np.ndarray) -> int:
    """Length of the longest run of True."""
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


def _narrowest(heights: np.ndarray, ceiling: np.ndarray | None, grid: Grid, path: np.ndarray,
               along: np.ndarray) -> float:  # fmt: skip
    """Least extent along y, around a point of the path, of ground to walk on [m].

    It ends where the ground is much lower than on the path, at a wall, and at what hangs too low to pass below.
    """
    if len(path) == 0:
        return float("inf")
    i, j = grid.index(path)
    rows = (heights[i] >= (along - PIT)[:, None]) & ~_beyond_walls(heights[i], j)
    if ceiling is not None:
        rows &= ceiling[i] - heights[i] >= LOW
    width = np.array([_around(row, middle) for row, middle in zip(rows, j, strict=True)]) * grid.cell
    return float(min(width.min(), PATCH_WIDTH))


def _beyond_walls(heights: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """``[n, NY]`` bool: cells that are the first of a rise by a wall, on the way from ``middle`` ``[n]`` outward."""
    rise = np.diff(heights, axis=1) > WALL
    fall = np.diff(heights, axis=1) < -WALL
    column = np.arange(heights.shape[1])
    wall = np.zeros(heights.shape, bool)
    wall[:, 1:] |= rise & (column[1:] > middle[:, None])
    wall[:, :-1] |= fall & (column[:-1] < middle[:, None])
    return wall


def _around(row: np.ndarray, middle: int) -> int:
    """Cells of the run of True that holds ``middle``."""
    stops = np.flatnonzero(~row)
    after, before = stops[stops > middle], stops[stops < middle]
    end = after[0] if len(after) else len(row)
    begin = before[-1] if len(before) else -1
    return int(end - begin - 1)
