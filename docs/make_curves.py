"""Draws a run's training curves: ``python docs/make_curves.py METRICS.jsonl OUT.png``.

The metrics file is the ``metrics.jsonl`` of a run folder. A thinned copy of what is drawn is written beside the picture
as CSV, so that later runs can be compared with it.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path
from typing import Any

Rows = list[dict[str, float]]

WINDOW = 25
"""Iterations averaged for each point."""


def read(path: Path) -> Rows:
    """One dictionary of numbers per iteration."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def smooth(rows: Rows, key: str) -> list[tuple[float, float]]:
    """(minutes, mean over a window of iterations), where there are numbers."""
    points = []
    for start in range(0, len(rows) - WINDOW + 1, WINDOW):
        window = rows[start : start + WINDOW]
        values = [row[key] for row in window if key in row and not math.isnan(row[key])]
        if values:
            points.append((window[-1]["Perf/total_minutes"], sum(values) / len(values)))
    return points


def draw(rows: Rows, out: Path) -> None:
    """Levels, way points, outcomes and speed against wall time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    terrains = sorted(key.partition("/")[2] for key in rows[-1] if key.startswith("Terrain_Level/"))
    panels: list[tuple[str, list[tuple[str, str]]]] = [
        ("mean level (of 0–9)", [(t, f"Terrain_Level/{t}") for t in terrains]),
        ("way points reached", [(t, f"Way_Points/{t}") for t in terrains]),
        ("episodes", [(n, f"Episode/{n}") for n in ("success", "time_out", "fall")]),
        ("losses", [("estimator", "Loss/estimator"), ("history latent", "Loss/history_latent"), ("KL", "Loss/kl")]),
    ]
    figure, axes = plt.subplots(1, len(panels), figsize=(16, 3.6), constrained_layout=True)
    for axis, (title, curves) in zip(axes, panels, strict=True):
        for label, key in curves:
            points = smooth(rows, key)
            axis.plot([x for x, _ in points], [y for _, y in points], label=label, linewidth=1.6)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("minutes")
        axis.grid(alpha=0.25)
        axis.legend(fontsize=8, frameon=False)
        axis.set_ylim(bottom=0)
    figure.savefig(out, dpi=80)


def write_csv(rows: Rows, out: Path) -> None:
    """The smoothed curves as a table."""
    keys = [k for k in rows[-1] if k.startswith(("Terrain_Level/", "Way_Points/", "Success/", "Episode/"))]
    keys += ["Loss/estimator", "Loss/value", "Policy/mean_std", "Perf/steps_per_second"]
    with out.open("w", newline="") as file:
        writer: Any = csv.writer(file, lineterminator="\n")
        writer.writerow(["iteration", "minutes", *keys])
        for start in range(0, len(rows) - WINDOW + 1, WINDOW):
            window = rows[start : start + WINDOW]
            means = []
            for key in keys:
                values = [row[key] for row in window if key in row and not math.isnan(row[key])]
                means.append(f"{sum(values) / len(values):.4g}" if values else "")
            writer.writerow([int(window[-1]["iteration"]), f"{window[-1]['Perf/total_minutes']:.2f}", *means])


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    rows = read(source)
    draw(rows, out)
    write_csv(rows, out.with_suffix(".csv"))


if __name__ == "__main__":
    main()
