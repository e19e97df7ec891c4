"""Pictures of an evaluation, as PNG: success by terrain and difficulty, way points, reward terms, differences."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from parkour.evaluation.compare import Comparison
from parkour.evaluation.evaluate import Evaluation
from parkour.evaluation.summary import Summary
from parkour.evaluation.tables import format_bin, heading
from parkour.storage import write_bytes
from parkour.text import counted, rounded

DPI = 150
INK, MUTED, RULE = "#1c2733", "#6b7a89", "#dfe5ea"
ACCENT, WARM = "#0f7c8a", "#c8553d"
LINES = ("#0f7c8a", "#e08a1e", "#5b4b9a", "#c8553d", "#6f9b3c", "#3f6fb5", "#a0527d", "#8a7358")
"""Colours of terrains, in turn; their markers differ too."""
MARKERS = "osD^vPXh"
HEAT = LinearSegmentedColormap.from_list("success", ["#fbf3ea", "#f3cf9b", "#8fc3b5", "#2b8f96", "#0b4f63"])
COMPARED = ("success", "way_points", "displacement", "edge_per_step", "fall", "power")
"""Metrics whose differences are drawn."""


def evaluation_figures(evaluation: Evaluation) -> dict[str, bytes]:
    """PNG files by name: ``success``, ``way_points``, ``rewards``."""
    return {
        "success": png(_success(evaluation)),
        "way_points": png(_way_points(evaluation)),
        "rewards": png(_rewards(evaluation)),
    }


def comparison_figures(comparison: Comparison) -> dict[str, bytes]:
    """PNG files by name: ``differences``."""
    return {"differences": png(_differences(comparison))}


def write_figures(folder: Path, figures: dict[str, bytes], prefix: str = "") -> list[Path]:
    """Write ``<prefix><name>.png`` into a folder.

    Raises:
        StorageError: it cannot be written.
    """
    paths = []
    for name, data in figures.items():
        path = folder / f"{prefix}{name}.png"
        write_bytes(path, data, "--plots")
        paths.append(path)
    return paths


def _success(evaluation: Evaluation) -> Figure:
    """Success rate per terrain and difficulty, with the margins."""
    parts = evaluation.breakdown
    bins = [format_bin(parts.edges, number) for number in range(len(parts.by_bin))]
    totals = len(bins) != 1 or bool(parts.ungraded)
    columns = [*bins, "all"] if totals else bins
    rows = list(parts.groups())
    figure, axes = _figure(1.7 + 1.05 * max(len(columns), 3), 1.55 + 0.62 * len(rows))
    draw_title(figure, "Success by terrain and difficulty", _subtitle(evaluation))
    gap = 0.12
    last = len(rows) - 1 if len(rows) > 1 else math.inf
    xs = [j + (gap if totals and j == len(columns) - 1 else 0.0) for j in range(len(columns))]
    ys = [i + (gap if i == last else 0.0) for i in range(len(rows))]
    for y, (_, cells, total) in zip(ys, rows, strict=True):
        for x, cell in zip(xs, cells, strict=False):
            _heat_cell(axes, x, y, cell)
        if totals and total is not None:
            _heat_cell(axes, xs[-1], y, total)
    axes.set_xlim(-0.5, len(columns) - 0.5 + gap)
    axes.set_ylim(len(rows) - 0.5 + gap, -0.5)
    axes.set_xticks(xs, columns)
    axes.set_yticks(ys, [name for name, _, _ in rows])
    axes.set_xlabel("difficulty", color=MUTED)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _heat_cell(axes: Any, x: float, y: float, cell: Summary) -> None:
    rate = cell.metrics["success"].mean
    empty = math.isnan(rate)
    colour = "#f2f4f6" if empty else HEAT(rate)
    axes.add_patch(_rectangle(x - 0.48, y - 0.46, 0.96, 0.92, colour))
    red, green, blue = (0.95,) * 3 if empty else HEAT(rate)[:3]
    ink = "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.54 else INK
    axes.text(x, y - 0.06, "-" if empty else f"{rate:.0%}", ha="center", va="center", color=ink, fontsize=12,
              fontweight="bold")  # fmt: skip
    axes.text(x, y + 0.28, f"n = {cell.episodes}", ha="center", va="center", color=ink, fontsize=6.5, alpha=0.8)


def _way_points(evaluation: Evaluation) -> Figure:
    """Part of the episodes that reach at least so many way points, per terrain."""
    parts = evaluation.breakdown
    figure, axes = _figure(6.4, 4.9)
    draw_title(figure, "Episodes that reach at least k way points", _subtitle(evaluation))
    for i, (name, group) in enumerate(parts.by_terrain.items()):
        if group.episodes == 0:
            continue
        reached = np.array(group.reached)
        colour, marker = LINES[i % len(LINES)], MARKERS[i % len(MARKERS)]
        axes.plot(reached, color=colour, marker=marker, markersize=5, linewidth=1.8, label=name, clip_on=False,
                  zorder=3)  # fmt: skip
    axes.plot(np.array(parts.overall.reached), color=INK, linewidth=1.3, linestyle=(0, (4, 2)), label="overall",
              zorder=4)  # fmt: skip
    goals = evaluation.episodes.max_goals
    axes.set_xlim(0, goals)
    axes.set_ylim(0, 1)
    axes.set_xticks(range(goals + 1))
    axes.set_yticks(np.linspace(0, 1, 6), [f"{part:.0%}" for part in np.linspace(0, 1, 6)])
    axes.set_xlabel("way points k", color=MUTED)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, labelcolor=INK)
    return figure


def _rewards(evaluation: Evaluation) -> Figure:
    """Mean sum of each weighted term over an episode."""
    rewards = evaluation.breakdown.overall.rewards
    names = sorted(rewards, key=lambda name: rewards[name].mean if math.isfinite(rewards[name].mean) else 0.0)
    means = np.nan_to_num([rewards[name].mean for name in names])
    spreads = np.nan_to_num([rewards[name].std for name in names])
    figure, axes = _figure(6.4, 1.4 + 0.26 * len(names))
    draw_title(figure, "Reward terms per episode, mean and standard deviation", _subtitle(evaluation))
    rows = np.arange(len(names))
    colours = [ACCENT if mean >= 0 else WARM for mean in means]
    axes.barh(rows, means, height=0.68, color=colours, zorder=2)
    axes.errorbar(means, rows, xerr=spreads, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2.5, zorder=3)
    low, high = min(0.0, float((means - spreads).min())), max(0.0, float((means + spreads).max()))
    room = 0.16 * max(high - low, 1e-9)
    for row, mean, spread in zip(rows, means, spreads, strict=True):
        right = mean >= 0
        where = mean + spread if right else mean - spread
        axes.text(where + (0.1 if right else -0.1) * room, row, rounded(mean, 3, "+") if mean else "0", va="center",
                  ha="left" if right else "right", color=MUTED, fontsize=8)  # fmt: skip
    axes.set_xlim(low - (room if low < 0 else 0.02 * room), high + (room if high > 0 else 0.02 * room))
    axes.axvline(0.0, color=INK, linewidth=0.8, zorder=4)
    axes.set_yticks(rows, names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.grid(axis="x", color=RULE, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def _differences(comparison: Comparison) -> Figure:
    """Differences B - A with their intervals, per terrain."""
    groups = {**comparison.by_terrain, "overall": comparison.overall}
    metrics = [metric for metric in comparison.a.episodes.metrics if metric.key in COMPARED]
    figure = Figure(figsize=(9.6, 1.8 + 2 * (0.75 + 0.27 * len(groups))), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, math.ceil(len(metrics) / 2), sharey=True)
    a, b = comparison.a.weights.label, comparison.b.weights.label
    draw_title(figure, "Differences B - A with 95 % intervals", f"A: {a}   B: {b}")
    figure.get_layout_engine().set(h_pad=0.1, w_pad=0.08)  # type: ignore[union-attr]
    names = list(groups)
    for axis, metric in zip(axes.flat, metrics, strict=False):
        axis.axvline(0.0, color=MUTED, linewidth=0.9)
        for row, name in enumerate(names):
            d = groups[name][metric.key]
            gain = d.difference * metric.better
            colour = MUTED if not d.certain else ACCENT if gain > 0 else WARM
            axis.plot([d.low, d.high], [row, row], color=colour, linewidth=2.4, solid_capstyle="round")
            axis.plot([d.difference], [row], "o", color=colour, markersize=5.5, markeredgecolor="white")
        axis.set_title(heading(metric), fontsize=9.5, color=INK, loc="left")
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.margins(x=0.12)
        style_axes(axis)
        axis.grid(axis="x", color=RULE, linewidth=0.8)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(length=0)
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    style_axes(axes)
    return figure, axes


def style_axes(axes: Any) -> None:
    axes.tick_params(colors=INK, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color(RULE)


def draw_title(figure: Figure, title: str, subtitle: str) -> None:
    """Title and a lighter line below it, flush left."""
    height = figure.get_size_inches()[1]
    assert figure.get_layout_engine() is not None
    figure.get_layout_engine().set(rect=(0.012, 0.01, 0.976, 1 - 0.66 / height))  # type: ignore[union-attr]
    figure.text(0.02, 1 - 0.14 / height, title, ha="left", va="top", fontsize=12.5, fontweight="bold", color=INK)
    figure.text(0.02, 1 - 0.4 / height, subtitle, ha="left", va="top", fontsize=8.5, color=MUTED)


def _subtitle(evaluation: Evaluation) -> str:
    episodes = counted(len(evaluation.episodes), "episode")
    return f"{evaluation.weights.label}, protocol {evaluation.protocol.name}, {episodes}"


def _rectangle(x: float, y: float, width: float, height: float, colour: Any) -> Any:
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (x + 0.03, y + 0.03), width - 0.06, height - 0.06, boxstyle="round,pad=0.03", facecolor=colour, linewidth=0
    )


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # No version and no date inside, so that equal figures are equal files.
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
