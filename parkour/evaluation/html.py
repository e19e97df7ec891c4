"""An evaluation as one web page that needs nothing else: styles and pictures are inside."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import chain

from parkour.evaluation.compare import Comparison
from parkour.evaluation.episodes import CONTACT_FORCE
from parkour.evaluation.evaluate import Evaluation
from parkour.evaluation.metrics import Metric
from parkour.evaluation.summary import Summary
from parkour.evaluation.tables import cell_rows, format_stat, heading
from parkour.text import counted, rounded

_CARDS = ("success", "way_points", "displacement", "edge_per_step")
_CELLS = ("success", "way_points", "displacement", "edge_per_step", "length", "power", "fall")
"""Columns of the table by terrain and difficulty; as many as fit."""
_TITLES = {
    "success": "Success by terrain and difficulty",
    "way_points": "Way points",
    "rewards": "Reward terms",
    "differences": "Differences",
    "gauntlet": "Success, clean and under every degradation",
}
_STYLE = """
:root { --ink: #1c2733; --muted: #5d6c7b; --rule: #dfe5ea; --paper: #ffffff; --wash: #f5f7f8; --accent: #0f7c8a;
  --warm: #b4462f; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wash); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 28px 64px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 0 0 14px; }
.lead { color: var(--muted); margin: 0 0 26px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px; margin-bottom: 22px; }
.card, section { background: var(--paper); border: 1px solid var(--rule); border-radius: 10px; }
.card { padding: 16px 18px; }
.card .name { color: var(--muted); font-size: 13px; }
.card .value { font-size: 29px; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.card .more { color: var(--muted); font-size: 13px; font-variant-numeric: tabular-nums; }
section { padding: 22px 24px; margin-bottom: 22px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(430px, 100%), 1fr)); gap: 22px;
  align-items: stretch; }
.pair section { margin-bottom: 0; }
.pair { margin-bottom: 22px; }
img { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; color: var(--muted); border-bottom: 1.5px solid var(--ink); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
table.lastbold td:last-child { font-weight: 650; }
.text { text-align: left; }
table.words th, table.words td { text-align: left; vertical-align: top; }
table.words td:last-child { white-space: normal; overflow-wrap: anywhere; min-width: 15em; }
tr.total td { font-weight: 650; }
tr.group td { border-top: 1.5px solid #aeb9c3; }
.good { color: var(--accent); font-weight: 650; } .bad { color: var(--warm); font-weight: 650; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 0; font-size: 13px; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
p.note { color: var(--muted); font-size: 13px; margin: 12px 0 0; max-width: 78ch; }
a { color: var(--accent); }
td .more { color: var(--muted); font-size: 12px; white-space: normal; }
pre { margin: 0; font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
code { overflow-wrap: anywhere; }
@media (max-width: 600px) { main { padding: 24px 12px 40px; } section { padding: 16px 14px; } h1 { font-size: 23px; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: 8px; } }
@media print { body { background: white; } section, .card { break-inside: avoid; } }
"""


def evaluation_page(evaluation: Evaluation, figures: Mapping[str, bytes]) -> str:
    """The page of one policy.

    Args:
        evaluation: what to show.
        figures: PNG files by name, see :func:`parkour.evaluation.plots.evaluation_figures`; may be empty.
    """
    overall = evaluation.breakdown.overall
    protocol = evaluation.protocol
    lead = f"Protocol {protocol.name}: {protocol.summary}. {counted(overall.episodes, 'episode')}."
    small = "".join(figure(name, data) for name, data in figures.items() if name != "success")
    body = [
        _cards(evaluation),
        *(figure(name, data) for name, data in figures.items() if name == "success"),
        f'<div class="pair">{small}</div>',
        section("By terrain, and overall", _overall_table(evaluation), _notes()),
        section("By terrain and difficulty", _cell_table(evaluation)),
        section("Reward terms per episode", _reward_table(evaluation)),
        section("How it was measured", facts(evaluation)),
    ]
    return page(evaluation.weights.label, lead, body)


def comparison_page(comparison: Comparison, figures: Mapping[str, bytes]) -> str:
    """The page of two policies; ``figures`` as from :func:`parkour.evaluation.plots.comparison_figures`."""
    a, b = comparison.a.weights.label, comparison.b.weights.label
    protocol = comparison.a.protocol
    how = "on the same courses, pair by pair" if comparison.paired else "on courses of the same seeds, not in pairs"
    note = (
        f"{comparison.confidence:.0%} intervals of B - A: percentile bootstrap over environments, "
        f"{comparison.resamples} resamples, {how}. Coloured where the interval leaves out 0."
    )
    body = [
        *(figure(name, data) for name, data in figures.items()),
        section("Differences", _difference_table(comparison), f'<p class="note">{escape(note)}</p>'),
        section("How A was measured", facts(comparison.a)),
        section("How B was measured", facts(comparison.b)),
    ]
    return page("Comparison", f"A: {a}. B: {b}. Protocol {protocol.name}: {protocol.summary}.", body)


def page(title: str, lead: str, body: Iterable[str]) -> str:
    """A whole page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n'
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _named(evaluation: Evaluation, keys: Iterable[str]) -> list[Metric]:
    metrics = {metric.key: metric for metric in evaluation.episodes.metrics}
    return [metrics[key] for key in keys]


def _cards(evaluation: Evaluation) -> str:
    overall, cards = evaluation.breakdown.overall, []
    for metric in _named(evaluation, _CARDS):
        key, stat = metric.key, overall.metrics[metric.key]
        value = "-" if math.isnan(stat.mean) else f"{stat.mean:.{metric.digits}f}"
        more = f"± {stat.std:.{metric.digits}f}" if value != "-" else ""
        if key == "success" and value != "-":
            low, high = overall.success_interval
            more = f"95 % interval {low:.2f} to {high:.2f}"
        cards.append(
            f'<div class="card"><div class="name">{escape(heading(metric))}</div><div class="value">{value}</div>'
            f'<div class="more">{more}</div></div>'
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def figure(name: str, data: bytes) -> str:
    """A picture, inside the page."""
    encoded = base64.b64encode(data).decode("ascii")
    return f'<section><img alt="{escape(_TITLES.get(name, name))}" src="data:image/png;base64,{encoded}"></section>'


def section(title: str, *parts: str) -> str:
    """A box with a heading."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


class Html(str):
    """Text that is HTML already, in a table."""

    __slots__ = ()


def table(head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], kind: str = "") -> str:
    """A table of a class (``words``: of text that may be long); rows are a class and cells, text or :class:`Html`."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = (f'<tr class="{row}">{"".join(f"<td>{_cell(cell)}</td>" for cell in cells)}</tr>' for row, cells in rows)
    body = f"<thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll"><table class="{kind}">{body}</table></div>'


def _cell(text: str) -> str:
    return text if isinstance(text, Html) else escape(text)


def listed(known: Mapping[str, str]) -> str:
    """A list of names and what they stand for."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in known.items())
    return f"<dl>{rows}</dl>"


def _overall_table(evaluation: Evaluation) -> str:
    parts = evaluation.breakdown
    groups = {**parts.by_terrain, "overall": parts.overall}
    rows: list[tuple[str, list[str]]] = [("", ["episodes", *(str(group.episodes) for group in groups.values())])]
    for metric in evaluation.episodes.metrics:
        stats = (format_stat(group.metrics[metric.key], metric, group.episodes) for group in groups.values())
        rows.append(("", [heading(metric), *stats]))
        if metric.key == "success":
            bounds = (group.success_interval for group in groups.values())
            cells = ["-" if math.isnan(low) else f"{low:.2f} to {high:.2f}" for low, high in bounds]
            rows.append(("", ["95 % interval (Wilson)", *cells]))
    return table(["", *groups], rows, "lastbold")


def _cell_table(evaluation: Evaluation) -> str:
    metrics = _named(evaluation, _CELLS)
    rows: list[tuple[str, list[str]]] = []
    for row in chain.from_iterable(cell_rows(evaluation.breakdown)):
        kind = "group" if row.group else "total" if row.total else ""
        figures = _stats(row.summary, metrics)
        rows.append((kind, [row.group, row.difficulty, str(row.summary.episodes), *figures]))
    return table(["terrain", "difficulty", "episodes", *(heading(metric) for metric in metrics)], rows)


def _reward_table(evaluation: Evaluation) -> str:
    parts = evaluation.breakdown
    groups = {**parts.by_terrain, "overall": parts.overall}
    rows = []
    for name in parts.overall.rewards:
        stats = (group.rewards[name] for group in groups.values())
        cells = [
            "-" if math.isnan(stat.mean) else f"{rounded(stat.mean, 3)} ± {rounded(stat.std, 2)}" for stat in stats
        ]
        rows.append(("", [name, *cells]))
    return table(["term", *groups], rows, "lastbold")


def _difference_table(comparison: Comparison) -> str:
    lines = []
    groups = {"overall": comparison.overall, **comparison.by_terrain}
    for name, row in groups.items():
        for position, metric in enumerate(comparison.a.episodes.metrics):
            d, digits = row[metric.key], metric.digits + 1 if metric.digits else 1
            gain = d.difference * metric.better
            kind = ("good" if gain > 0 else "bad") if d.certain and metric.better else ""
            cells = [f"{d.a:.{digits}f}", f"{d.b:.{digits}f}"]
            interval = "-" if math.isnan(d.low) else f"{d.low:+.{digits}f} to {d.high:+.{digits}f}"
            lines.append(
                f'<tr class="{"group" if position == 0 else ""}"><td>{escape(name) if position == 0 else ""}</td>'
                f'<td class="text">{escape(heading(metric))}</td>{"".join(f"<td>{cell}</td>" for cell in cells)}'
                f'<td class="{kind}">{d.difference:+.{digits}f}</td><td>{interval}</td></tr>'
            )
    head = "<th>terrain</th><th class='text'>metric</th><th>A</th><th>B</th><th>B - A</th><th>interval</th>"
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _stats(group: Summary, metrics: Iterable[Metric]) -> list[str]:
    return [format_stat(group.metrics[metric.key], metric, group.episodes) for metric in metrics]


def _notes() -> str:
    text = (
        "Mean ± standard deviation over episodes; MEV / step over all steps of all episodes. Success: all way points "
        "reached. Way points: reached / all; before end: index before the last step / greatest index. MXD: "
        f"displacement along x / length of the patch. MEV: feet in contact (above {CONTACT_FORCE:g} N) on edge cells. "
        "Power: mean of Σ|τ·q̇|. Rewards: weighted terms summed over an episode, before the clip of each step's total."
    )
    return f'<p class="note">{escape(text)}</p>'


def facts(evaluation: Evaluation) -> str:
    """How it was measured."""
    options, model = evaluation.options, evaluation.task.model
    slow, fast = model.command.speed
    low, high = model.course.difficulty_range
    known = {
        "task": f"{evaluation.task.name} ({model.stage})",
        "checkpoint": str(evaluation.weights.path),
        "SHA-256": evaluation.weights.digest,
        "protocol": f"{evaluation.protocol.name}: commanded {slow:g} to {fast:g} m/s, "
        f"episodes of {model.timing.episode_length:g} s, difficulty {low:g} to {high:g}",
        "environments": f"{options.num_envs}, the first {evaluation.episodes_per_environment} episodes of each",
        "unfinished": f"{counted(evaluation.unfinished, 'episode')}, left out",
        "control steps": f"{evaluation.steps} of {model.step_dt:g} s",
        "inputs": "depth blanked" if options.blank_depth else "as deployed (estimated, none privileged)",
        "seed": str(options.seed),
        "engine": f"{evaluation.engine} on {evaluation.device}",
        "versions": ", ".join(f"{name} {version}" for name, version in evaluation.versions.items()),
    }
    return listed(known)
