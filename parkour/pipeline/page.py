"""The report: one web page of what came of every stage, pictures inside."""

from __future__ import annotations

import io
import json
import math
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TypeGuard

from parkour.evaluation.html import figure, page, section, table
from parkour.pipeline.record import StageRecord
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Result, Stage
from parkour.pipeline.training import Training
from parkour.reading import read_bytes, read_row
from parkour.storage import write_text

Records = Mapping[str, StageRecord]


def write_page(
    path: Path, settings: PipelineSettings, stages: Sequence[Stage], records: Records, obstacle: str
) -> Path:
    """Write the report of the stages that have a record, and why there are no more."""
    lead = f"{settings.minutes:g} minutes of training on {_machine(settings)}. "
    lead += f"Stopped: {obstacle}." if obstacle else "All stages are done, and all gates passed."
    scored = {name: record.result for name, record in records.items() if "by_terrain" in record.result}
    body = [
        _cards(stages, records),
        section("Stages", _stages(settings.folder, stages, records)),
        *([section("Success by terrain", _terrains(scored))] if scored else []),
        *(_gauntlet(records["gauntlet"].result) if "gauntlet" in records else []),
        *_curves(stages, records),
        section("Commands", *(_command(record) for record in records.values())),
        section("Asked for", f"<pre>{escape(json.dumps(settings.as_dict(), indent=1, ensure_ascii=False))}</pre>"),
    ]
    write_text(path, page(f"{settings.name}: from nothing to a policy", lead, body), "--out")
    return path


def _machine(settings: PipelineSettings) -> str:
    """What trains."""
    from parkour.engines.device import choose_device  # Imports torch, for which --help need not wait.

    count = settings.gpus
    if choose_device(settings.device) == "cpu":
        return "a CPU" if count == 1 else f"a CPU, in {count} processes"
    return f"{count} GPU{'s' if count > 1 else ''}"


def _cards(stages: Sequence[Stage], records: Records) -> str:
    """What gates ask for, and what was measured."""
    cards = []
    for stage in stages:
        score = stage.score(records[stage.name].result) if stage.name in records else None
        if score is None:
            continue
        passed = not score.obstacle()
        kind, verdict = ("good", "passed") if passed else ("bad", "failed")
        cards.append(
            f'<div class="card"><div class="name">{escape(score.what)}</div><div class="value">{score.rate:.2f}</div>'
            f'<div class="more"><span class="{kind}">{verdict}</span>, at least {score.gate:g} asked for</div></div>'
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def _stages(root: Path, stages: Iterable[Stage], records: Records) -> str:
    rows = []
    for stage in stages:
        record = records.get(stage.name)
        if record is None:
            rows.append(("", [stage.name, stage.title, "", "not done"]))
            continue
        minutes = record.result.get("minutes", record.seconds / 60.0)
        rows.append(("", [stage.name, stage.title, f"{minutes:.1f}", described(root, record.result)]))
    return table(["stage", "what", "minutes", "result"], rows, "words")


def described(root: Path, result: Result) -> str:
    """A result in a line; files as seen from ``root``."""
    if "success" in result:
        return f"success {result['success']:.2f} of {result['episodes']} episodes"
    if "checkpoint" in result:
        place = os.path.relpath(result["checkpoint"], root)
        return f"{result['iterations']} iterations, {result['control_steps'] / 1e6:.0f} M control steps: {place}"
    if "megabytes" in result:
        return f"{os.path.relpath(result['file'], root)}, {result['megabytes']:.1f} MB"
    return f"{os.path.relpath(result['folder'], root)}, differs from torch by {result['max_error']:.1g} at most"


def _terrains(scored: Mapping[str, Result]) -> str:
    names = list(dict.fromkeys(name for result in scored.values() for name in result["by_terrain"]))
    rows = []
    for stage, result in scored.items():
        rates = [f"{result['by_terrain'][name]:.2f}" if name in result["by_terrain"] else "-" for name in names]
        rows.append(("", [stage, *rates, f"{result['success']:.2f}"]))
    return table(["", *names, "overall"], rows, "lastbold")


def _gauntlet(result: Result) -> list[str]:
    rows = [("total", ["clean", f"{result['success']:.2f}", ""])]
    for name, each in result["degradations"].items():
        loss = "" if each["loss"] is None else f"{each['loss']:+.2f}"
        rows.append(("", [name, f"{each['success']:.2f}", loss]))
    return [section("Gauntlet", table(["", "success", "loss against clean"], rows))]


def _curves(stages: Sequence[Stage], records: Records) -> list[str]:
    """Success in training over the minutes of each stage that trains; nothing where no episode ended."""
    found = {}
    for name in (stage.name for stage in stages if isinstance(stage, Training)):
        if name in records and (points := _points(Path(records[name].result["run"]) / "metrics.jsonl")):
            found[name] = points
    return [figure("Success while training", _plot(found))] if found else []


def _points(path: Path) -> list[tuple[float, float]]:
    """Minutes and success of each iteration that has both."""
    points = []
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


def _plot(curves: Mapping[str, list[tuple[float, float]]]) -> bytes:
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


def _command(record: StageRecord) -> str:
    return f'<p class="note"><code>parkour {escape(shlex.join(record.command))}</code></p>'
