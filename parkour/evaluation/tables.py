"""Evaluations as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from parkour.evaluation.compare import Comparison, Difference
from parkour.evaluation.evaluate import Evaluation
from parkour.evaluation.summary import METRICS, Metric, Stat, Summary

CELL_METRICS = (
    "success", "way_points", "displacement", "edge_per_step", "length", "power", "fall", "return", "edge_per_episode",
)  # fmt: skip
"""Columns of the table by terrain and difficulty, the ones that a narrow terminal gets first."""
_BY_KEY = {metric.key: metric for metric in METRICS}
_FIXED_WIDTH, _CELL_WIDTH = 34, 16
"""Of the labels, and of a mean with its spread [columns of the terminal]."""


def format_stat(stat: Stat, metric: Metric) -> str:
    """``mean ± std``, or a dash where nothing was averaged."""
    if math.isnan(stat.mean):
        return "-"
    return f"{stat.mean:.{metric.digits}f} ± {stat.std:.{metric.digits}f}"


def format_bin(edges: Sequence[float], number: int) -> str:
    """``0.2-0.4``."""
    return f"{edges[number]:.2g}-{edges[number + 1]:.2g}"


def heading(metric: Metric) -> str:
    """Label and unit."""
    return f"{metric.label} [{metric.unit}]" if metric.unit else metric.label


def evaluation_tables(evaluation: Evaluation, width: int = 200) -> Iterator[Table]:
    """By terrain and difficulty, then overall.

    Args:
        evaluation: what to show.
        width: of the terminal. Columns that do not fit are left out of the first table, spreads of the second.
    """
    yield _cell_table(evaluation, max(1, (width - _FIXED_WIDTH) // _CELL_WIDTH))
    yield _overall_table(evaluation, width)


def comparison_tables(comparison: Comparison) -> Iterator[Table]:
    """The differences, overall and by terrain."""
    title = f"B - A, with {comparison.confidence:.0%} intervals (bootstrap over environments"
    title += ", paired)" if comparison.paired else ")"
    table = _table(title)
    for name in ("terrain", "metric"):
        table.add_column(name, no_wrap=True)
    for name in ("A", "B", "B - A", "interval"):
        table.add_column(name, justify="right", no_wrap=True)
    groups = {**comparison.by_terrain, "overall": comparison.overall}
    for name, row in groups.items():
        for position, metric in enumerate(METRICS):
            table.add_row(
                Text(name if position == 0 else ""), Text(heading(metric)), *_difference(row[metric.key], metric)
            )
        table.add_section()
    yield table


def _cell_table(evaluation: Evaluation, columns: int) -> Table:
    parts = evaluation.breakdown
    metrics = [_BY_KEY[key] for key in CELL_METRICS[:columns]]
    table = _table(f"{evaluation.weights.label}, protocol {evaluation.protocol.name}: by terrain and difficulty")
    table.add_column("terrain", no_wrap=True)
    table.add_column("difficulty", no_wrap=True)
    table.add_column("episodes", justify="right", no_wrap=True)
    for metric in metrics:
        table.add_column(Text(heading(metric)), justify="right", no_wrap=True)

    def add(label: str, bin_label: str, group: Summary, style: str = "") -> None:
        cells = [format_stat(group.metrics[metric.key], metric) for metric in metrics]
        table.add_row(*(Text(cell, style=style) for cell in (label, bin_label, str(group.episodes), *cells)))

    for name, cells in parts.cells.items():
        for number, cell in enumerate(cells):
            add(name if number == 0 else "", format_bin(parts.edges, number), cell)
        if len(cells) > 1:
            add("", "all", parts.by_terrain[name], "bold")
        table.add_section()
    for number, group in enumerate(parts.by_bin):
        add("all" if number == 0 else "", format_bin(parts.edges, number), group)
    add("", "all", parts.overall, "bold")
    return table


def _overall_table(evaluation: Evaluation, width: int) -> Table:
    parts = evaluation.breakdown
    groups = {**parts.by_terrain, "overall": parts.overall}
    spreads = width >= _FIXED_WIDTH - 10 + _CELL_WIDTH * len(groups)
    table = _table("By terrain, and overall" if spreads else "By terrain, and overall: means")
    table.add_column("", no_wrap=True)
    for name in groups:
        table.add_column(Text(name, style="bold" if name == "overall" else ""), justify="right", no_wrap=True)
    table.add_row("episodes", *(str(group.episodes) for group in groups.values()))
    for metric in METRICS:
        stats = (format_stat(group.metrics[metric.key], metric) for group in groups.values())
        cells = (text if spreads else text.partition(" ")[0] for text in stats)
        table.add_row(Text(heading(metric)), *cells)
        if metric.key == "success" and spreads:
            table.add_row("  95 % interval", *(_interval(group.success_interval) for group in groups.values()))
    return table


def _difference(difference: Difference, metric: Metric) -> tuple[Text, ...]:
    digits = metric.digits + 1 if metric.digits else 1
    better = difference.difference * metric.better
    style = "" if not (difference.certain and metric.better) else "green" if better > 0 else "red"
    interval = "-" if math.isnan(difference.low) else f"[{difference.low:+.{digits}f}, {difference.high:+.{digits}f}]"
    return (
        Text(f"{difference.a:.{digits}f}"),
        Text(f"{difference.b:.{digits}f}"),
        Text(f"{difference.difference:+.{digits}f}", style=style),
        Text(interval),
    )


def _interval(bounds: tuple[float, float]) -> str:
    return "-" if math.isnan(bounds[0]) else f"{bounds[0]:.2f} to {bounds[1]:.2f}"


def _table(title: str) -> Table:
    return Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
