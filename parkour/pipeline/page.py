"""The report: one web page of what came of every stage, pictures inside, with links to the stages' own files."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from parkour.evaluation.html import Html, figure, listed, page, section, table
from parkour.learning.run_lock import command_here
from parkour.pipeline.curves import plot, read_points
from parkour.pipeline.process import LOG, OUTPUT
from parkour.pipeline.record import StageRecord
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import FIGURES, STAGE_PAGE, Result, Stage
from parkour.pipeline.training import Training
from parkour.storage import write_text
from parkour.text import counted

Records = Mapping[str, StageRecord]
_LINKS = {STAGE_PAGE: "report", FIGURES: "figures", OUTPUT: "output", LOG: "log"}
"""What a stage may leave in its folder, and what it is called here."""


def write_page(
    path: Path, settings: PipelineSettings, stages: Sequence[Stage], records: Records, obstacle: str
) -> Path:
    """Write the report of the stages that have a record, and why there are no more."""
    lead = f"{counted(settings.minutes, 'minute')} of training on {_machine(settings)}. "
    lead += f"Stopped: {obstacle}." if obstacle else "All stages are done, and all gates passed."
    scored = {name: record.result for name, record in records.items() if "by_terrain" in record.result}
    body = [
        _cards(stages, records),
        section("Stages", _stages(path.parent, stages, records)),
        *([section("Success by terrain", _terrains(scored))] if scored else []),
        *(_gauntlet(records["gauntlet"].result) if "gauntlet" in records else []),
        *_curves(stages, records),
        section("How it was made", _made(settings, records)),
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
    return counted(count, "GPU")


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
            f'<div class="card"><div class="name">{escape(stage.name)}</div><div class="value">{score.rate:.2f}</div>'
            f'<div class="more"><span class="{kind}">{verdict}</span>, at least {score.gate:g} asked for</div></div>'
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def _stages(root: Path, stages: Sequence[Stage], records: Records) -> str:
    rows = []
    for number, stage in enumerate(stages, start=1):
        name = Html(f'<b>{escape(stage.name)}</b><div class="more">{escape(stage.what)}</div>')
        record = records.get(stage.name)
        if record is None:
            rows.append(("", [name, "", "not done"]))
            continue
        minutes = record.result.get("minutes", record.seconds / 60.0)
        links = _links(root, root / f"{number}_{stage.name}")
        result = Html(f'{escape(described(root, record.result))}<div class="more">{links}</div>')
        rows.append(("", [name, f"{minutes:.1f}", result]))
    return table(["stage", "minutes", "result"], rows, "words")


def _links(root: Path, folder: Path) -> str:
    """To what is in the folder of a stage, as seen from the report: the whole can be moved."""
    there = [(folder / name, text) for name, text in _LINKS.items() if _holds_something(folder / name)]
    return " · ".join(
        f'<a href="{escape(quote(path.relative_to(root).as_posix()))}">{escape(text)}</a>' for path, text in there
    )


def _holds_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def described(root: Path, result: Result) -> str:
    """A result in a line; files as seen from ``root``."""
    if "success" in result:
        return f"success {result['success']:.2f} of {counted(result['episodes'], 'episode')}"
    if "checkpoint" in result:
        place = os.path.relpath(result["checkpoint"], root)
        steps = f"{result['control_steps'] / 1e6:.0f} M control steps"
        return f"{counted(result['iterations'], 'iteration')}, {steps}: {place}"
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
        if name in records and (points := read_points(Path(records[name].result["run"]) / "metrics.jsonl")):
            found[name] = points
    return [figure("Success while training", plot(found))] if found else []


def _made(settings: PipelineSettings, records: Records) -> str:
    """What it takes to make it again: who was asked for what, when, on what, with which versions."""
    known = {"command": command_here(), "seed": str(settings.seed)}
    begun = [record.made["began"] for record in records.values() if record.made]
    if begun:
        known["stages began"] = min(begun) if min(begun) == max(begun) else f"{min(begun)} to {max(begun)}"
    made = {name: record.made for name, record in records.items()}
    known |= _told("on", {name: each.get("device", "") for name, each in made.items()})
    known |= _told("versions", {name: _named(each.get("versions", {})) for name, each in made.items()})
    return listed(known)


def _told(what: str, by_stage: Mapping[str, str]) -> dict[str, str]:
    """What all stages have in common in a row, or else a row for those that have the same."""
    stages: dict[str, list[str]] = {}
    for stage, text in by_stage.items():
        stages.setdefault(text, []).append(stage)
    if len(stages) <= 1:
        return {what: text for text in stages if text}  # noqa: B035 - one, or none
    return {f"{what}, {', '.join(names)}": text or "not known" for text, names in stages.items()}


def _named(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _command(record: StageRecord) -> str:
    return f'<p class="note"><code>parkour {escape(shlex.join(record.command))}</code></p>'
