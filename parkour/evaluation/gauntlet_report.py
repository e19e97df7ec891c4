"""A gauntlet as a table, as data for programs and as a web page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from parkour.evaluation.compare import CONFIDENCE, RESAMPLES, Difference
from parkour.evaluation.gauntlet import Gauntlet, Trial
from parkour.evaluation.html import facts, figure, page, section, table
from parkour.evaluation.report import as_json, number
from parkour.evaluation.summary import Breakdown
from parkour.text import counted

FORMAT = "parkour-gauntlet"
VERSION = 1
_LABEL_WIDTH, _FIXED_WIDTH, _TERRAIN_WIDTH = 24, 76, 9
"""Of the first column, of those that are always there, and of one terrain's [columns of the terminal]."""
LEGEND = (
    "Loss: success clean less success degraded, on the same courses; red where it is certain. Intervals: of success "
    "Wilson's, of the loss a paired bootstrap over environments."
)


@dataclass(frozen=True)
class Row:
    """A line of the table: clean, or a degradation."""

    name: str
    part: str
    """Empty for clean."""
    parts: Breakdown
    change: Difference | None
    summary: str = ""

    @property
    def success(self) -> float:
        return self.parts.overall.metrics["success"].mean

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %."""
        return self.parts.overall.success_interval

    @property
    def verdict(self) -> int:
        """-1 where the loss is certain, +1 where a gain is, else 0."""
        if self.change is None or not self.change.certain:
            return 0
        return 1 if self.change.difference > 0 else -1

    def on(self, terrain: str) -> float:
        """Success on a terrain; NaN where there was no episode."""
        group = self.parts.by_terrain.get(terrain)
        return math.nan if group is None else group.metrics["success"].mean


def rows_of(gauntlet: Gauntlet) -> Iterator[Row]:
    """Clean first, then what was tried, in its order."""
    yield Row("clean", "", gauntlet.clean.breakdown, None, "nothing is wrong")
    for trial in gauntlet.trials:
        each = trial.degradation
        yield Row(each.name, each.part, trial.evaluation.breakdown, trial.change, each.summary)


def terrains_of(gauntlet: Gauntlet) -> list[str]:
    """Terrains that were walked."""
    return list(gauntlet.clean.breakdown.by_terrain)


def gauntlet_tables(gauntlet: Gauntlet, width: int = 200) -> Iterator[RenderableType]:
    """Success, its interval, the loss against clean, and success per terrain; and what the words mean.

    Args:
        gauntlet: what to show.
        width: of the terminal; terrains that do not fit follow in further tables.
    """
    terrains = terrains_of(gauntlet)
    per_terrain = max([_TERRAIN_WIDTH, *(len(name) + 3 for name in terrains)])
    beside = terrains if _FIXED_WIDTH + per_terrain * len(terrains) <= width else []
    yield gauntlet_table(gauntlet, beside)
    step = max(1, (width - _LABEL_WIDTH) // per_terrain)
    for begin in range(0, 0 if beside else len(terrains), step):
        yield _terrain_table(gauntlet, terrains[begin : begin + step])
    yield Text(f"{LEGEND}\n", style="dim")


def gauntlet_table(gauntlet: Gauntlet, terrains: Sequence[str]) -> Table:
    """Success, its interval, the loss against clean, and success on some terrains."""
    clean = gauntlet.clean
    title = f"{clean.weights.label}, protocol {clean.protocol.name}: {counted(len(clean.episodes), 'episode')} each"
    shown = _table(title, "success", "95 % interval", "loss", "95 % interval", *terrains)
    for row in _sectioned(gauntlet, shown):
        style = {-1: "red", 0: "", 1: "green"}[row.verdict]
        shown.add_row(
            _label(row), rate(row.success), _span(*row.interval),
            Text(_loss(row.change), style=style), _loss_span(row.change), *(rate(row.on(name)) for name in terrains),
        )  # fmt: skip
    shown.add_section()
    for label, value in summary_of(gauntlet).items():
        shown.add_row(Text(label, style="bold"), value)
    return shown


def _terrain_table(gauntlet: Gauntlet, terrains: Sequence[str]) -> Table:
    shown = _table("Success by terrain", *terrains)
    for row in _sectioned(gauntlet, shown):
        shown.add_row(_label(row), *(rate(row.on(name)) for name in terrains))
    return shown


def _table(title: str, *columns: str) -> Table:
    shown = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("", no_wrap=True)
    for name in columns:
        shown.add_column(Text(name), justify="right", no_wrap=True)
    return shown


def _sectioned(gauntlet: Gauntlet, shown: Table) -> Iterator[Row]:
    """The rows, camera and body apart."""
    previous = ""
    for row in rows_of(gauntlet):
        if row.part != previous:
            shown.add_section()
            previous = row.part
        yield row


def _label(row: Row) -> Text:
    return Text(row.name, style="bold" if not row.part else "")


def summary_of(gauntlet: Gauntlet) -> dict[str, str]:
    """The last lines: means over the degradations of each part, and the worst of all."""
    lines = {}
    for part in ("camera", "body"):
        count = sum(trial.degradation.part == part for trial in gauntlet.trials)
        if count:
            lines[f"mean of {count}, {part}"] = rate(gauntlet.mean_success(part))
    if gauntlet.worst is not None:
        lines[f"worst: {gauntlet.worst.degradation.name}"] = rate(gauntlet.worst.success)
    return lines


def gauntlet_as_json(gauntlet: Gauntlet) -> dict[str, Any]:
    """Everything that was measured; equal for equal input on a CPU, so without times."""
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "clean": as_json(gauntlet.clean),
        "confidence": CONFIDENCE,
        "resamples": RESAMPLES,
        "degradations": [_trial_as_json(trial) for trial in gauntlet.trials],
        "mean_success": {part: number(gauntlet.mean_success(part)) for part in ("camera", "body")},
        "worst": None if gauntlet.worst is None else gauntlet.worst.degradation.name,
        "skipped": [{"name": name, "reason": reason} for name, reason in gauntlet.skipped],
    }


def _trial_as_json(trial: Trial) -> dict[str, Any]:
    each, measured = trial.degradation, as_json(trial.evaluation)
    kept = ("unfinished", "overall", "by_terrain", "by_difficulty")
    return {
        "name": each.name,
        "id": each.id,
        "summary": each.summary,
        "part": each.part,
        "changes": dict(each.changes),
        **{key: measured[key] for key in kept},
        "loss": _loss_as_json(trial.change),
        "loss_by_terrain": {name: _loss_as_json(change) for name, change in trial.change_by_terrain.items()},
    }


def _loss_as_json(change: Difference) -> Mapping[str, float | int | None]:
    """Of the success rate, with its interval; above 0 where the policy is worse than clean."""
    return {"loss": number(-change.difference), "low": number(-change.high), "high": number(-change.low)}


def gauntlet_page(gauntlet: Gauntlet, figures: Mapping[str, bytes]) -> str:
    """The page; ``figures`` as from :func:`parkour.evaluation.gauntlet_plot.gauntlet_figures`."""
    clean = gauntlet.clean
    lead = f"Protocol {clean.protocol.name}: {clean.protocol.summary}. {counted(len(clean.episodes), 'episode')} each."
    note = (
        f"Success with Wilson's 95 % interval. Loss: clean less degraded, on the same courses, with {CONFIDENCE:.0%} "
        f"intervals of a paired bootstrap over environments ({RESAMPLES} resamples)."
    )
    body = [
        *(figure(name, data) for name, data in figures.items()),
        section("Success and loss", _page_table(gauntlet), f'<p class="note">{escape(note)}</p>'),
        section("How it was measured", facts(clean)),
    ]
    if gauntlet.skipped:
        left_out = "".join(f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in gauntlet.skipped)
        body.append(section("Left out", f"<ul>{left_out}</ul>"))
    return page(f"{clean.weights.label}: gauntlet", lead, body)


def _page_table(gauntlet: Gauntlet) -> str:
    terrains, lines, previous = terrains_of(gauntlet), [], ""
    for row in rows_of(gauntlet):
        kind = "" if row.part == previous else "group"
        previous = row.part
        cells = [row.name, rate(row.success), _span(*row.interval), _loss(row.change), _loss_span(row.change)]
        lines.append((kind, [*cells, *(rate(row.on(name)) for name in terrains), row.summary]))
    for label, value in summary_of(gauntlet).items():
        lines.append(("total", [label, value, *[""] * (4 + len(terrains))]))
    return table(["", "success", "95 % interval", "loss", "95 % interval", *terrains, ""], lines)


def rate(value: float) -> str:
    """A rate, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.2f}"


def _span(low: float, high: float) -> str:
    return "-" if math.isnan(low) else f"{low:.2f} to {high:.2f}"


def _loss(change: Difference | None) -> str:
    return "" if change is None else _signed(-change.difference)


def _loss_span(change: Difference | None) -> str:
    if change is None:
        return ""
    return "-" if math.isnan(change.low) else f"{_signed(-change.high)} to {_signed(-change.low)}"


def _signed(value: float) -> str:
    """Nothing is ``+0.00``, from whichever side."""
    return f"{round(value, 2) + 0.0:+.2f}"
