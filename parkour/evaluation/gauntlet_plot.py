"""A gauntlet as a picture: success with its interval, clean and under every degradation, and on each terrain."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from parkour.evaluation.gauntlet import Gauntlet
from parkour.evaluation.gauntlet_report import Row, rate, rows_of, terrains_of
from parkour.evaluation.plots import ACCENT, DPI, HEAT, INK, MUTED, RULE, WARM, draw_title, png, style_axes
from parkour.text import counted

ROW_HEIGHT = 0.27
"""Of a line of the picture [inch]."""


def gauntlet_figures(gauntlet: Gauntlet) -> dict[str, bytes]:
    """PNG files by name: ``gauntlet``."""
    return {"gauntlet": png(_gauntlet(gauntlet))}


def _gauntlet(gauntlet: Gauntlet) -> Figure:
    rows, terrains = list(rows_of(gauntlet)), terrains_of(gauntlet)
    places = _places(rows)
    height = 1.35 + ROW_HEIGHT * (places[-1] + 1)
    figure = Figure(figsize=(6.2 + 0.62 * len(terrains), height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(4.2, max(1.0, 0.62 * len(terrains))))
    clean = gauntlet.clean
    subtitle = f"{clean.weights.label}, {counted(len(clean.episodes), 'episode')} each; bars are 95 % intervals"
    draw_title(figure, "Success, clean and under every degradation", subtitle)
    _rates(left, rows, places)
    _terrains(right, rows, places, terrains)
    for axes in (left, right):
        style_axes(axes)
        axes.set_ylim(places[-1] + 0.7, -0.7)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    left.set_yticks(places, [row.name for row in rows])
    right.tick_params(axis="y", labelleft=False)
    return figure


def _places(rows: list[Row]) -> list[float]:
    """Where each line is drawn; half a line is left between the parts."""
    places, place, previous = [], -1.0, rows[0].part
    for row in rows:
        place += 1.0 if row.part == previous else 1.6
        previous = row.part
        places.append(place)
    return places


def _rates(axes: Any, rows: list[Row], places: list[float]) -> None:
    """A dot and an interval each; coloured where the loss is certain."""
    axes.axvline(rows[0].success, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    for row, place in zip(rows, places, strict=True):
        if math.isnan(row.success):
            continue
        colour = INK if row.change is None else WARM if row.verdict < 0 else ACCENT
        axes.plot(row.interval, [place, place], color=colour, linewidth=2.2, alpha=0.45, zorder=2)
        axes.plot([row.success], [place], "o", color=colour, markersize=6, markeredgecolor="white", zorder=3)
        axes.text(1.04, place, rate(row.success), va="center", ha="left", fontsize=8.5, color=colour)
    axes.set_xlim(-0.02, 1.13)
    axes.set_xticks(np.linspace(0, 1, 6), [f"{part:.0%}" for part in np.linspace(0, 1, 6)])
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)


def _terrains(axes: Any, rows: list[Row], places: list[float], terrains: list[str]) -> None:
    """Success on each terrain, as a coloured field with its number."""
    from matplotlib.patches import Rectangle

    for row, place in zip(rows, places, strict=True):
        for column, name in enumerate(terrains):
            value = row.on(name)
            colour = RULE if math.isnan(value) else HEAT(value)
            axes.add_patch(Rectangle((column + 0.03, place - 0.46), 0.94, 0.92, facecolor=colour, linewidth=0))
            dark = not math.isnan(value) and value > 0.6
            axes.text(column + 0.5, place, rate(value), va="center", ha="center", fontsize=8,
                      color="white" if dark else INK)  # fmt: skip
    axes.set_xlim(0, max(1, len(terrains)))
    axes.set_xticks(np.arange(len(terrains)) + 0.5, terrains)
    axes.xaxis.tick_top()
