"""Success over iterations, as a picture."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from parkour.evaluation.curve import Curve, success_of
from parkour.evaluation.plots import ACCENT, DPI, INK, MUTED, RULE, draw_title, png, style_axes
from parkour.text import counted

LINE = 0.055
"""Height of a line of text in the picture, as a share of success."""


def curve_figures(curve: Curve) -> dict[str, bytes]:
    """PNG files by name: ``success_curve``."""
    return {"success_curve": png(_curve(curve))}


def _curve(curve: Curve) -> Figure:
    figure = Figure(figsize=(7.6, 3.6), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    protocol, episodes = curve.points[0].protocol.name, len(curve.points[0].episodes)
    subtitle = (
        f"{curve.run.name}, protocol {protocol}, {counted(episodes, 'episode')} each; the band is a 95 % interval"
    )
    draw_title(figure, "Success over iterations", subtitle)
    x = curve.iterations
    ends: dict[str, float] = {}
    for name in curve.terrains:
        rates = [point.breakdown.by_terrain[name].metrics["success"].mean for point in curve.points]
        axes.plot(x, rates, color=MUTED, linewidth=0.9, alpha=0.7, zorder=2)
        ends[name] = rates[-1]
    rate, low, high = zip(*(success_of(point.breakdown.overall) for point in curve.points), strict=True)
    axes.fill_between(x, low, high, color=ACCENT, alpha=0.18, linewidth=0, zorder=1)
    axes.plot(x, rate, "o-", color=ACCENT, linewidth=2.0, markersize=4, markeredgecolor="white", zorder=3)
    _name(axes, x[-1], {**ends, "all": rate[-1]})
    axes.set(xlabel="iteration", ylim=(-0.02, 1.02))
    style_axes(axes)
    axes.grid(color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _name(axes: Any, x: float, ends: dict[str, float]) -> None:
    """Names at the ends of lines, the lowest first, moved up where they would lie on each other."""
    place = float("-inf")
    for name, rate in sorted((item for item in ends.items() if not math.isnan(item[1])), key=lambda item: item[1]):
        place = max(rate, place + LINE)
        whole = name == "all"
        axes.annotate(
            name, (x, place), xytext=(8, 0), textcoords="offset points", fontsize=8.5 if whole else 8, va="center",
            color=INK if whole else MUTED, weight="bold" if whole else "normal", annotation_clip=False,
        )  # fmt: skip
