"""Draws training curves of several runs beside each other, against minutes and against control steps.

``python docs/make_engine_curves.py mujoco=METRICS.jsonl newton=METRICS.jsonl… OUT.png``: runs of one task, each with
the name that it goes by. A thinned copy of what is drawn is written beside the picture as CSV.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

from make_curves import Rows, mean, read, windows

GROUPS = {"level": "Terrain_Level", "way_points": "Way_Points", "success": "Success"}
"""What is known of a terrain, and what runs call it."""
SIZE = 2
"""Windows of :func:`make_curves.windows` to a row of the table."""

Point = dict[str, float]


def terrains_of(runs: list[Rows]) -> list[str]:
    """The terrains of all runs, in the order in which runs name them."""
    prefix = f"{GROUPS['level']}/"
    return list(dict.fromkeys(key.removeprefix(prefix) for rows in runs for key in rows[-1] if key.startswith(prefix)))


def keys_of(terrains: list[str]) -> dict[str, str]:
    """Columns of the table, and what runs call them."""
    keys = {f"{name}_{terrain}": f"{group}/{terrain}" for name, group in GROUPS.items() for terrain in terrains}
    return keys | {"success": "Episode/success"}


def thin(rows: Rows, keys: dict[str, str]) -> list[Point]:
    """Means over windows of a run, with the minutes and the million control steps at their ends."""
    points: list[Point] = []
    for window in windows(rows):
        point = {"minutes": window[-1]["Perf/total_minutes"], "million_steps": window[-1]["Perf/total_steps"] / 1e6}
        points.append(point | {name: value for name, key in keys.items() if (value := mean(window, key)) is not None})
    return points


def draw(runs: dict[str, list[Point]], terrains: list[str], out: Path) -> None:
    """Levels per terrain and the success of all episodes: above against minutes, below against control steps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = {f"level, {terrain} (of 0–9)": f"level_{terrain}" for terrain in terrains} | {"success": "success"}
    axes: Any
    figure, axes = plt.subplots(2, len(panels), figsize=(18, 6), constrained_layout=True, sharey="col")
    for row, (x, label) in zip(axes, (("minutes", "minutes"), ("million_steps", "million control steps")), strict=True):
        for axis, (title, key) in zip(row, panels.items(), strict=True):
            for name, points in runs.items():
                known = [point for point in points if key in point]
                axis.plot([point[x] for point in known], [point[key] for point in known], label=name, linewidth=1.6)
            axis.set_title(title, fontsize=10)
            axis.set_xlabel(label)
            axis.set_ylim(bottom=0)
            axis.grid(alpha=0.25)
    axes[0][0].legend(fontsize=8, frameon=False)
    figure.savefig(out, dpi=80)


def write_csv(runs: dict[str, list[Point]], keys: dict[str, str], out: Path) -> None:
    """Every :data:`SIZE`-th point of each run."""
    columns = ["minutes", "million_steps", *keys]
    with out.open("w", newline="") as file:
        writer: Any = csv.writer(file, lineterminator="\n")
        writer.writerow(["run", *columns])
        for name, points in runs.items():
            for point in points[SIZE - 1 :: SIZE]:
                writer.writerow([name, *(f"{point[key]:.3g}" if key in point else "" for key in columns)])


def main() -> None:
    *sources, out = sys.argv[1:]
    named = [source.partition("=") for source in sources]
    whole = {name: read([Path(path)]) for name, _, path in named}
    terrains = terrains_of(list(whole.values()))
    keys = keys_of(terrains)
    runs = {name: thin(rows, keys) for name, rows in whole.items()}
    draw(runs, terrains, Path(out))
    write_csv(runs, keys, Path(out).with_suffix(".csv"))


if __name__ == "__main__":
    main()
