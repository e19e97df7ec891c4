"""Success while the stages trained, as a picture."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from parkour.reading import read_bytes, read_row

Points = list[tuple[float, float]]


def read_points(path: Path) -> Points:
    """Minutes and success of each iteration that has both, of a run's ``metrics.jsonl``."""
    points: Points = []
    for line in _lines(path):
        row = read_row(line) or {}  # Nothing in the line that was being written when the machine was lost.
        minutes, success = row.get("Perf/total_minutes"), row.get("Episode/success")
        if _number(minutes) and _number(success):
            points.append((float(minutes), float(success)))
    return points


def _lines(path: Path) -> list[bytes]:
    try:
        return read_bytes(path).splitlines()
    except OSError:
        return []


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)


def plot(curves: Mapping[str, Points]) -> bytes:
    """A PNG of curves by name."""
    from matplotlib.figure import Figure

    chart = Figure(figsize=(10.0, 3.2), dpi=110, layout="constrained")
    axes = chart.subplots()
    for name, points in curves.items():
        axes.plot([minutes for minutes, _ in points], [rate for _, rate in points], label=name)
    axes.set(xlabel="minutes of training", ylabel="success while training", ylim=(0.0, 1.0))
    axes.legend(frameon=False, loc="lower right")
    axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    chart.savefig(buffer, format="png")
    return buffer.getvalue()
