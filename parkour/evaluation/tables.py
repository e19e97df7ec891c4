"""Evaluations as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from parkour.evaluation.compare import Comparison, Difference
from parkour.evaluation.evaluate import Evaluation
from parkour.evaluation.metrics import Metric
from parkour.evaluation.summary import Breakdown, Stat, Summary, met

CELL_METRICS = (
    "success", "way_points", "displacement", "edge_per_step", "length", "power", "fall", "return", "edge_per_episode",
)  # fmt: skip
"""Columns of the table by terrain and difficulty, the ones that a narrow terminal gets first."""
ANY_DIFFICULTY = "any"
"""In place of a range: of terrains that ignore the difficulty, and of all terrains where some do."""
EMPTY = "Difficulties without an episode are left out: more robots (--num-envs) meet more of them."
"""Said of tables that have such."""
_GAP, _EDGES = 3, 2
"""Of two columns of a table, and of its sides [columns of the terminal]."""
_SPREAD_CELL, _MEAN_CELL = 13, 7
"""A mean with its spread, and alone."""
_MANY = 4
"""Columns with spreads that are worth more than all columns without."""
LEGEND = (
    "MXD: distance along the course, in patches of 16 m. MEV: feet on edges, per control step or summed over an "
    "episode. ±: standard deviation over episodes (MEV / step: over their steps). 95 % interval: Wilson's. graded: the "
    "terrains whose courses depend on the difficulty."
)


def format_stat(stat: Stat, metric: Metric, episodes: int) -> str:
    """``mean ± std``, the mean alone where there is but one episode, or a dash where nothing was averaged."""
    if math.isnan(stat.mean):
        return "-"
    mean = f"{stat.mean:.{metric.digits}f}"
    return f"{mean} ± {stat.std:.{metric.digits}f}" if episodes > 1 else mean


def format_bin(edges: Sequence[float], number: int) -> str:
    """``0.2:0.4``, as ``--difficulty`` takes it."""
    return f"{edges[number]:.2g}:{edges[number + 1]:.2g}"


@dataclass(frozen=True)
class CellRow:
    """A row of the table by terrain and difficulty."""

    group: str
    """In the first row of a group its name; else empty."""
    difficulty: str
    summary: Summary
    total: bool
    """Whether it is of all difficulties."""


def cell_rows(breakdown: Breakdown) -> Iterator[list[CellRow]]:
    """The rows of each group: the difficulties that hold episodes, and all of them where that is another row."""
    for name, cells, total in breakdown.groups():
        rows = [(format_bin(breakdown.edges, number), cell, False) for number, cell in met(cells)]
        if total is not None and len(rows) != 1:
            rows.append(("all" if cells else ANY_DIFFICULTY, total, True))
        yield [CellRow("" if place else name, *row) for place, row in enumerate(rows)]


def heading(metric: Metric) -> str:
    """Label and unit."""
    return f"{metric.label} [{metric.unit}]" if metric.unit else metric.label


def evaluation_tables(evaluation: Evaluation, width: int = 200) -> Iterator[RenderableType]:
    """By terrain and difficulty, then overall, and what the words mean.

    Args:
        evaluation: what to show.
        width: of the terminal. Where it is too small for the spreads there are means; metrics of the first table that
            do not fit then are named below it, and terrains of the second follow in further ones.
    """
    metrics, spreads = _cell_columns(evaluation, width)
    yield _cell_table(evaluation, metrics, spreads)
    left_out = [heading(metric) for metric in _cell_metrics(evaluation) if metric not in metrics]
    if any(len(met(cells)) < len(cells) for _, cells, _ in evaluation.breakdown.groups()):
        yield Text(f"{EMPTY}\n", style="dim")
    if left_out:
        yield Text(f"No room for {', '.join(left_out)}: below for all difficulties, or with --json FILE.\n")
    yield from _overall_tables(evaluation, width)
    yield Text(f"{LEGEND}\n", style="dim")


def comparison_tables(comparison: Comparison) -> Iterator[RenderableType]:
    """The differences, overall and by terrain."""
    title = f"B - A, with {comparison.confidence:.0%} intervals (bootstrap over environments"
    title += ", paired)" if comparison.paired else ")"
    table = _table(title)
    table.add_column("", no_wrap=True)
    for name in ("A", "B", "B - A", "interval"):
        table.add_column(name, justify="right", no_wrap=True)
    groups = {**comparison.by_terrain, "overall": comparison.overall}
    for name, row in groups.items():
        table.add_row(Text(name, style="bold"))
        for metric in comparison.a.episodes.metrics:
            table.add_row(Text(f"  {heading(metric)}"), *_difference(row[metric.key], metric))
        table.add_section()
    yield table
    yield Text("Green is better, red worse, where the interval leaves out 0.\n", style="dim")


def _cell_columns(evaluation: Evaluation, width: int) -> tuple[list[Metric], bool]:
    """Metrics of the first table, and whether with their spreads."""
    names = max(map(len, [*evaluation.breakdown.cells, "terrain"]))
    room = width - _EDGES - names - len("difficulty") - len("episodes") - 2 * _GAP
    wanted = _cell_metrics(evaluation)
    spread = _fitting(wanted, room, _SPREAD_CELL)
    if len(spread) >= min(_MANY, len(wanted)):
        return spread, True
    return _fitting(wanted, room, _MEAN_CELL) or wanted[:1], False


def _cell_metrics(evaluation: Evaluation) -> list[Metric]:
    """Those of :data:`CELL_METRICS`, and then those of plugins."""
    metrics = {metric.key: metric for metric in evaluation.episodes.metrics}
    return [metrics[key] for key in CELL_METRICS] + [each for each in metrics.values() if not each.builtin]


def _fitting(metrics: Sequence[Metric], room: int, cell: int) -> list[Metric]:
    """The first metrics whose columns fit."""
    fitting: list[Metric] = []
    for metric in metrics:
        room -= _GAP + max(cell, len(heading(metric)))
        if room < 0:
            break
        fitting.append(metric)
    return fitting


def _cell_table(evaluation: Evaluation, metrics: Sequence[Metric], spreads: bool) -> Table:
    means = "" if spreads else ", means"
    table = _table(f"{evaluation.weights.label}, protocol {evaluation.protocol.name}: by terrain and difficulty{means}")
    table.add_column("terrain", no_wrap=True)
    table.add_column("difficulty", no_wrap=True)
    table.add_column("episodes", justify="right", no_wrap=True)
    for metric in metrics:
        table.add_column(Text(heading(metric)), justify="right", no_wrap=True)

    for rows in cell_rows(evaluation.breakdown):
        for row in rows:
            cells = [_cell(row.summary, metric, spreads) for metric in metrics]
            shown = (row.group, row.difficulty, str(row.summary.episodes), *cells)
            table.add_row(*(Text(cell, style="bold" if row.total else "") for cell in shown))
        table.add_section()
    return table


def _overall_tables(evaluation: Evaluation, width: int) -> Iterator[Table]:
    parts = evaluation.breakdown
    groups = {**parts.by_terrain, "overall": parts.overall}
    label = _EDGES + max(len(heading(metric)) for metric in evaluation.episodes.metrics)
    spreads = width >= label + sum(_GAP + max(_SPREAD_CELL, len(name)) for name in groups)
    title = "By terrain, and overall" if spreads else "By terrain, and overall: means"
    for names in _chunks(list(groups), width - label, _SPREAD_CELL if spreads else _MEAN_CELL):
        yield _overall_table(title, evaluation.episodes.metrics, {name: groups[name] for name in names}, spreads)
        title = ""


def _chunks(names: Sequence[str], room: int, cell: int) -> Iterator[list[str]]:
    """As many columns as fit, and the others in further tables."""
    chunk: list[str] = []
    used = 0
    for name in names:
        wanted = _GAP + max(cell, len(name))
        if chunk and used + wanted > room:
            yield chunk
            chunk, used = [], 0
        chunk.append(name)
        used += wanted
    yield chunk


def _overall_table(title: str, metrics: Sequence[Metric], groups: Mapping[str, Summary], spreads: bool) -> Table:
    table = _table(title)
    table.add_column("", no_wrap=True)
    for name in groups:
        table.add_column(Text(name, style="bold" if name == "overall" else ""), justify="right", no_wrap=True)
    table.add_row("episodes", *(str(group.episodes) for group in groups.values()))
    for metric in metrics:
        table.add_row(Text(heading(metric)), *(_cell(group, metric, spreads) for group in groups.values()))
        if metric.key == "success":
            bounds = [group.success_interval for group in groups.values()]
            if spreads:
                table.add_row("  95 % interval", *(_interval(each) for each in bounds))
            else:
                table.add_row("  95 % from", *(_bound(low) for low, _ in bounds))
                table.add_row("       to", *(_bound(high) for _, high in bounds))
    return table


def _cell(group: Summary, metric: Metric, spreads: bool) -> str:
    return format_stat(group.metrics[metric.key], metric, group.episodes if spreads else 1)


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


def _bound(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _table(title: str) -> Table:
    return Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
