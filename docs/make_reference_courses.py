"""Compares our courses with the reference's, figure by figure: ``python docs/make_reference_courses.py``.

Writes ``docs/results/reference.md``. The reference's figures are in ``reference_courses.csv`` beside it; the page says
how they were measured. Ours are computed here, on the raster that tasks use.
"""

# Paragraphs of the page are one line each.
# ruff: noqa: E501

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from parkour.registry import resolve_target
from parkour.specs import TerrainSpec
from parkour.terrain.raster import Grid, edge_raster, height_raster
from parkour.terrain.sub_terrain import MARGIN, SubTerrain
from parkour_terrains.plugin import register_terrains

RESULTS = Path(__file__).parent / "results"
CELL, SLOPE, WIDTH = 0.05, 1.5, 0.05
"""Of the tasks' rasters and edges: side of a cell [m], slope, widening [m]."""
COURSES = 200
DIFFICULTIES = (0.0, 0.25, 0.5, 0.75, 1.0)
FIGURES = {
    "begins": "first obstacle at x [m]",
    "goal_0": "way point 0 at x [m]",
    "goal_1": "way point 1",
    "goal_6": "way point 6",
    "goal_7": "way point 7",
    "highest": "highest [m]",
    "lowest": "lowest [m]",
    "edges": "edges [m²]",
}
Figures = dict[str, tuple[float, float]]
"""Mean and standard deviation over the courses, by figure."""


def measure(sub_terrain: SubTerrain, grid: Grid) -> dict[str, float]:
    """Figures of one course, without roughness, within the patch."""
    heights = height_raster(sub_terrain.boxes, grid)
    edges = edge_raster(heights, grid.cell, SLOPE, WIDTH)
    inside = slice(round(MARGIN / grid.cell), -round(MARGIN / grid.cell))
    patch, goals = heights[inside, inside], np.asarray(sub_terrain.goals)[:, 0]
    middle = np.abs(patch[round(1.5 / grid.cell) :, patch.shape[1] // 2]) > 1e-6
    return {
        "begins": 1.5 + float(middle.argmax()) * grid.cell if middle.any() else np.nan,
        **{f"goal_{k}": float(goals[k]) for k in (0, 1, 6, 7)},
        "highest": float(patch.max()),
        "lowest": float(patch.min()),
        "edges": float(edges[inside, inside].sum()) * grid.cell**2,
    }


def ours(spec: TerrainSpec, difficulty: float) -> Figures:
    """Figures of a terrain with its default parameters."""
    assert spec.params is not None
    make, params = resolve_target(spec.target, owner=spec.name), resolve_target(spec.params, owner=spec.name)()
    grid = Grid.of_patch(CELL)
    rows = [measure(make(difficulty, np.random.default_rng(seed), params), grid) for seed in range(COURSES)]
    values = {name: np.array([row[name] for row in rows]) for name in FIGURES}
    known = {name: row[~np.isnan(row)] for name, row in values.items()}
    return {name: (float(row.mean()), float(row.std())) for name, row in known.items() if len(row)}


def theirs() -> dict[tuple[str, float], Figures]:
    """The reference's, by terrain and difficulty."""
    found: dict[tuple[str, float], Figures] = {}
    with (RESULTS / "reference_courses.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            place = (row["terrain"], float(row["difficulty"]))
            found.setdefault(place, {})[row["figure"]] = (float(row["mean"]), float(row["std"]))
    return found


def cell(mine: tuple[float, float] | None, other: tuple[float, float] | None) -> str:
    """Ours, and the reference's in parentheses."""
    texts = ["–" if pair is None else f"{pair[0]:.2f} ± {pair[1]:.2f}" for pair in (mine, other)]
    return f"{texts[0]} ({texts[1]})" if mine or other else "–"


def table(spec: TerrainSpec, reference: dict[tuple[str, float], Figures]) -> str:
    """Rows of figures, a column for each difficulty."""
    difficulties = DIFFICULTIES if spec.graded else DIFFICULTIES[:1]
    head = [f"d = {difficulty:g}" for difficulty in difficulties] if spec.graded else ["any difficulty"]
    lines = [f"| | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    columns = [(ours(spec, difficulty), reference[spec.name, difficulty]) for difficulty in difficulties]
    for name, title in FIGURES.items():
        cells = [cell(mine.get(name), other.get(name)) for mine, other in columns]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    if spec.name in ALIKE:
        alike = [cell(mine["edges"], other["edges_counted_alike"]) for mine, other in columns]
        lines.append(f"| edges, notches counted [m²] | {' | '.join(alike)} |")
    return "\n".join(lines)


def share_of_shorter(gap: TerrainSpec) -> float:
    """Of the courses of gap at difficulty 1: how many have a gap less than the most."""
    assert gap.params is not None
    make, params = resolve_target(gap.target, owner=gap.name), resolve_target(gap.params, owner=gap.name)()
    boxes = np.array([len(make(1.0, np.random.default_rng(seed), params).boxes) for seed in range(10 * COURSES)])
    return float((boxes < boxes.max()).mean())


ALIKE = ("tilt",)
"""Terrains where the reference's way to count edges matters."""
PAGE = """# Our courses beside the reference's

You want to know whether a course here is as long, as high and as hard as one of the reference's: {courses} courses of
each terrain and difficulty, ours first, the reference's in parentheses, mean ± standard deviation. What differs by more
than a cell of the raster is explained below.

```sh
python docs/make_reference_courses.py
```

Ours: the parameters of `go2-teacher`, the raster of the tasks (cells of 5 cm), roughness left out. The reference's: the
generators of its revision {revision}, with the parameters of its teacher, at cells of 5 cm (its own are 8 cm for the
teacher and 10 cm for the student), roughness left out; the figures are in
[reference_courses.csv](reference_courses.csv). x is measured from the patch's beginning; robots start at x = 1 m.

{tables}

## What differs, and why

- **Distances between obstacles** are whole numbers of cells there, with the upper end of a draw left out: half a cell less on average, so that six obstacles later the reference's way points lie 0.15 m or more behind ours.
- **Way point 0 of gap, hurdle and flat** lies at the platform's end, 2.5 m; the reference's one cell before it.
- **Gap**: lengths are even numbers of cells there: 0.45 m is 0.40 m. At difficulty 1 the sixth gap is left out in 1 of {left_out} courses, where less than 0.5 m would be left to land on.
- **Tilt**: the reference lets the first stone reach into the start platform, so that the others follow earlier, and its edges cancel in notches one cell wide ("edges, notches counted" counts them as here). What is left of the difference in edges are these roundings: its rules in cells of 1 cm, seen through our raster, have 1.93 to 2.46 m² of edges, ours {low:.2f} to {high:.2f}. Before, our stones had up to 11 % more: the sides of a thick box that is rolled lean out beside its surface. Now the surface is a thin box, and what is under it is cut back.
- **Hurdle, step, demo**: the same but for rounding.

The depth camera's rays are those of a pinhole of fx 55.9 and fy 54.1 pixels: less than 0.01° apart everywhere ([test](../../tests/mdp/test_camera.py)). All deviations of the tasks: [deviations](../deviations.md).
"""
REVISION = "d6766d88"


def compared() -> list[TerrainSpec]:
    """The terrains that the reference has too."""
    names = {name for name, _ in theirs()}
    return [spec for spec in register_terrains() if spec.name in names]


def main() -> None:
    """Write the page."""
    reference = theirs()
    specs = compared()
    tables = "\n\n".join(f"## {spec.name}\n\n{table(spec, reference)}" for spec in specs)
    tilt = next(spec for spec in specs if spec.name == "tilt")
    low, high = (ours(tilt, difficulty)["edges"][0] for difficulty in (0.0, 1.0))
    left_out = round(1 / share_of_shorter(next(spec for spec in specs if spec.name == "gap")))
    page = PAGE.format(courses=COURSES, revision=REVISION, tables=tables, low=low, high=high, left_out=left_out)
    path = RESULTS / "reference.md"
    path.write_text(page, encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
