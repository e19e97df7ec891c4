"""Training curves of several runs in one picture, from their ``metrics.jsonl``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.figure import Figure

from parkour.errors import ParkourError, StorageError
from parkour.evaluation.plots import LINES, MUTED, png
from parkour.policies.checkpoint_folder import METRICS_FILE
from parkour.reading import read_bytes, read_row

AXES = {"minutes": "Perf/total_minutes", "steps": "Perf/total_steps", "iterations": "iteration"}
"""What curves are drawn over, and the number that it is in a row."""
PANELS = {
    "success": "Episode/success",
    "way points": "Episode/way_points",
    "level": "Terrain_Level/",
    "reward": "Train/mean_reward",
    "action std": "Policy/mean_std",
    "steps/s": "Perf/steps_per_second",
}
"""What is drawn, where runs have it; a name that ends in a slash stands for the mean of all below it."""
WINDOW = 50
"""Points of a curve, at most: means over as many iterations as that takes."""
LAST = 20
"""Iterations whose mean is said to be where a run is."""

Row = dict[str, float]


@dataclass(frozen=True)
class Curve:
    """One run."""

    label: str
    rows: list[Row]
    """Numbers of each iteration."""

    def points(self, axis: str, name: str) -> tuple[list[float], list[float]]:
        """x and y of a curve, smoothed; empty where the run has no such number."""
        size = max(1, math.ceil(len(self.rows) / WINDOW))
        xs: list[float] = []
        ys: list[float] = []
        for begin in range(0, len(self.rows), size):
            window = self.rows[begin : begin + size]
            values = [value for row in window if (value := _value(row, name)) is not None]
            if values and AXES[axis] in window[-1]:
                xs.append(window[-1][AXES[axis]])
                ys.append(fmean(values))
        return xs, ys

    def last(self, name: str) -> float:
        """The mean over the last iterations; NaN where the run has no such number."""
        values = [value for row in self.rows[-LAST:] if (value := _value(row, name)) is not None]
        return fmean(values) if values else math.nan


def read_curves(runs: Sequence[Path]) -> list[Curve]:
    """The curves of run folders, called by the shortest ends of their paths that tell them apart.

    Raises:
        ParkourError: fewer than one run, or one of them twice.
        StorageError: a folder has no metrics.
    """
    if len({run.resolve() for run in runs}) < len(runs):
        raise ParkourError("got one run twice, expected different ones")
    return [Curve(label, _read(run)) for label, run in zip(_labels(runs), runs, strict=True)]


def curves_png(curves: Sequence[Curve], axis: str) -> bytes:
    """The picture.

    Args:
        curves: of :func:`read_curves`.
        axis: one of :data:`AXES`.
    """
    shown = {title: name for title, name in PANELS.items() if any(curve.points(axis, name)[0] for curve in curves)}
    columns = min(3, max(1, len(shown)))
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(4.2 * columns, 2.6 * rows + 0.4), layout="constrained")
    for number, (title, name) in enumerate(shown.items()):
        axes = figure.add_subplot(rows, columns, number + 1)
        for curve, colour in zip(curves, LINES * len(curves), strict=False):
            axes.plot(*curve.points(axis, name), color=colour, label=curve.label, linewidth=1.6)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel(axis, color=MUTED, fontsize=8)
        axes.tick_params(labelsize=8, colors=MUTED)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    if shown:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(curves), 3), fontsize=8, frameon=False)
    return png(figure)


def _value(row: Row, name: str) -> float | None:
    if not name.endswith("/"):
        return row.get(name)
    values = [value for key, value in row.items() if key.startswith(name)]
    return fmean(values) if values else None


def _read(run: Path) -> list[Row]:
    path = run / METRICS_FILE
    try:
        lines = read_bytes(path).splitlines()
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror or error}", hint="name run folders: logs/rsl_rl/EXPERIMENT/RUN"
        ) from None
    rows = [_numbers(row) for line in lines if (row := read_row(line)) is not None]
    if not rows:
        raise StorageError(f"{path} holds no iteration yet")
    return rows


def _numbers(row: Mapping[str, Any]) -> Row:
    """What is a number in the row of an iteration; a curve through NaN would end there."""
    return {key: float(value) for key, value in row.items() if isinstance(value, int | float) and math.isfinite(value)}


def _labels(runs: Sequence[Path]) -> list[str]:
    parts = [run.resolve().parts for run in runs]
    for count in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(each[-count:]) for each in parts]
        if len(set(labels)) == len(labels):
            return labels
    return [str(run) for run in runs]
