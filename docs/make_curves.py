"""Draws the training curves of a run: ``python docs/make_curves.py METRICS.jsonl... OUT.png``.

A metrics file is the ``metrics.jsonl`` of a run folder; several are drawn one after the other, as runs of which each
went on from the one before. A thinned copy of what is drawn is written beside the picture as CSV, so that later runs
can be compared with it.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path
from typing import Any

Rows = list[dict[str, float]]

POINTS = 60
"""Points of a curve, about; each is a mean over a window of iterations."""
LOSSES = {
    "estimator": "Loss/estimator",
    "history latent": "Loss/history_latent",
    "KL": "Loss/kl",
    "action": "Loss/action",
    "yaw": "Loss/yaw",
    "scan latent": "Loss/latent",
}
"""Of teachers and of students; those that a run has are drawn."""


def read(paths: list[Path]) -> Rows:
    """One dictionary of numbers per iteration, with the minutes and iterations since the first run's start."""
    rows: Rows = []
    for path in paths:
        before = (rows[-1]["Perf/total_minutes"], rows[-1]["iteration"]) if rows else (0.0, 0)
        for line in path.read_text().splitlines():
            row = json.loads(line)
            row["Perf/total_minutes"] += before[0]
            row["iteration"] += before[1]
            rows.append(row)
    return rows


def windows(rows: Rows) -> list[Rows]:
    """About :data:`POINTS` of equal length."""
    size = max(1, len(rows) // POINTS)
    return [rows[start : start + size] for start in range(0, len(rows) - size + 1, size)]


def mean(window: Rows, key: str) -> float | None:
    """Of the iterations that have this number."""
    values = [row[key] for row in window if key in row and not math.isnan(row[key])]
    return sum(values) / len(values) if values else None


def draw(rows: Rows, out: Path) -> None:
    """Levels, way points, outcomes and losses against wall time; only what the run has."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    terrains = sorted(key.partition("/")[2] for key in rows[-1] if key.startswith("Terrain_Level/"))
    panels: dict[str, dict[str, str]] = {
        "mean level (of 0–9)": {name: f"Terrain_Level/{name}" for name in terrains},
        "way points reached": {name: f"Way_Points/{name}" for name in terrains},
        "episodes": {name: f"Episode/{name}" for name in ("success", "time_out", "fall")},
        "losses": {name: key for name, key in LOSSES.items() if any(key in row for row in rows)},
    }
    figure, axes = plt.subplots(1, len(panels), figsize=(16, 3.6), constrained_layout=True)
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        for label, key in curves.items():
            points = [(window[-1]["Perf/total_minutes"], mean(window, key)) for window in windows(rows)]
            known = [(minutes, value) for minutes, value in points if value is not None]
            axis.plot([x for x, _ in known], [y for _, y in known], label=label, linewidth=1.6)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("minutes")
        axis.grid(alpha=0.25)
        axis.legend(fontsize=8, frameon=False)
        axis.set_ylim(bottom=0)
    figure.savefig(out, dpi=80)


def write_csv(rows: Rows, out: Path) -> None:
    """The smoothed curves as a table."""
    keys = [k for k in rows[-1] if k.startswith(("Terrain_Level/", "Way_Points/", "Success/", "Episode/"))]
    keys += [key for key in LOSSES.values() if any(key in row for row in rows)]
    keys += ["Policy/mean_std", "Perf/steps_per_second"]
    with out.open("w", newline="") as file:
        writer: Any = csv.writer(file, lineterminator="\n")
        writer.writerow(["iteration", "minutes", *keys])
        for window in windows(rows):
            means = ["" if (value := mean(window, key)) is None else f"{value:.4g}" for key in keys]
            writer.writerow([int(window[-1]["iteration"]), f"{window[-1]['Perf/total_minutes']:.2f}", *means])


def main() -> None:
    *sources, out = (Path(argument) for argument in sys.argv[1:])
    rows = read(sources)
    draw(rows, out)
    write_csv(rows, out.with_suffix(".csv"))


if __name__ == "__main__":
    main()
