"""A folder to hand on: an export, the weights, and a README that says what they are and where they fail.

Hubs show the README's front matter; the folder is whole without one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkour.digest import file_sha256
from parkour.errors import ExportError
from parkour.exporters.exporter import ExportResult
from parkour.exporters.manifest import Manifest
from parkour.exporters.score_files import Score, read_scores
from parkour.policies.checkpoint import Checkpoint, slim
from parkour.policies.checkpoint_file import save_checkpoint
from parkour.policies.checkpoint_folder import checkpoint_path, checkpoints_of
from parkour.policies.source import Weights, is_pretrained
from parkour.storage import write_text
from parkour.text import counted, one_line, rounded

README = "README.md"
MARK = "<!-- written by parkour export card -->"
"""A README with this line is ours to write again."""
OWN_LICENSE = "BSD-3-Clause"
"""Of the pretrained weights."""
METRICS = {
    "success": "success",
    "way_points": "way points",
    "displacement": "MXD",
    "edge_per_step": "MEV / step",
    "fall": "falls",
    "power": "power [W]",
}
"""Shown of a score, by key."""


@dataclass(frozen=True)
class CardOptions:
    """What only the author knows."""

    scores: tuple[Path, ...] = ()
    """JSON files of ``parkour eval`` or ``parkour sim2sim``."""
    license: str | None = None
    """As SPDX names it; the pretrained weights' own where None."""
    half: bool = False
    """Weights in 16 bits."""


def check_card(out: Path, weights: Weights, options: CardOptions) -> list[Score]:
    """Before anything slow happens: the scores, and whether the folder is free.

    Raises:
        ExportError: a README or weights that are not ours lie there, or scores are of another checkpoint.
        StorageError: a file of scores cannot be read.
    """
    readme = out / README
    if readme.exists() and not readme.is_file():
        raise ExportError(f"{readme} is no file", hint="name another folder: --out DIR")
    if readme.is_file() and MARK not in readme.read_text(encoding="utf-8", errors="replace"):
        raise ExportError(f"{readme} was written by somebody else", hint="name another folder: --out DIR")
    own = checkpoint_path(out, weights.checkpoint.iteration)
    foreign = [path.name for path in checkpoints_of(out) if path.name != own.name]
    if foreign or (own.exists() and weights.path.resolve() == own.resolve()):
        raise ExportError(
            f"{out} holds {foreign[0] if foreign else own.name}: it is a run folder, or another card's",
            hint="name another folder: --out DIR",
        )
    # The weights of a card that is written again may have been scored as they lie there.
    digests = {weights.digest} | ({file_sha256(own)} if own.is_file() else set())
    return [read_scores(path, digests) for path in options.scores]


def write_card(
    weights: Weights, export: ExportResult, scores: Sequence[Score], options: CardOptions
) -> tuple[Path, ...]:
    """Put the weights and a README beside an export.

    Args:
        weights: that were exported.
        export: what :func:`parkour.exporters.exporter.export_policy` wrote.
        scores: from :func:`check_card`.
        options: see there.

    Returns:
        The files of the folder, the README first.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = checkpoint_path(export.folder, weights.checkpoint.iteration)
    save_checkpoint(path, slim(weights.checkpoint, half=options.half))
    files = (path, *export.files)
    license = options.license or (OWN_LICENSE if is_pretrained(weights.path) else None)
    text = card_text(weights, export, files, scores, license)
    write_text(export.folder / README, text, "--out")
    return (export.folder / README, *files)


def card_text(
    weights: Weights, export: ExportResult, files: Sequence[Path], scores: Sequence[Score], license: str | None
) -> str:
    """The README."""
    manifest, checkpoint = export.manifest, weights.checkpoint
    name = plain(f"{manifest.task.name} after {counted(checkpoint.iteration, 'iteration')}")
    summary = plain(str(checkpoint.task.get("summary", "")))
    parts = [
        _front_matter(manifest, scores, license, name),
        MARK,
        f"# {name}\n",
        f"A {manifest.task.stage} policy for {plain(manifest.robot.source)}: {summary}.\n" if summary else "",
        _use(manifest),
        _scores(scores),
        _training(checkpoint, weights),
        _graphs(manifest, export),
        _limits(manifest),
        _files(files),
        f"## License\n\n{plain(license) if license else 'Not stated: ask whoever trained it.'}\n",
    ]
    return "\n".join(part for part in parts if part)


def plain(text: str) -> str:
    """Text of others in Markdown: one line, no table's bar and no tag."""
    return one_line(text).replace("|", "/").replace("<", "‹").replace("`", "'")


def _front_matter(manifest: Manifest, scores: Sequence[Score], license: str | None, name: str) -> str:
    """YAML, of which JSON's strings are a part."""
    tags = ["reinforcement-learning", "robotics", "quadruped", "parkour", manifest.task.stage]
    lines = [
        "---",
        f"license: {json.dumps(license.lower() if license else 'other')}",
        "library_name: parkour-lab",
        "pipeline_tag: robotics",
        f"tags: {json.dumps(tags)}",
    ]
    if scores:
        lines += ["model-index:", f"- name: {json.dumps(name)}", "  results:"]
    for score in scores:
        value = score.overall.get("success")
        if value is not None:
            lines += [
                "  - task: {type: reinforcement-learning}",
                f"    dataset: {{type: parkour, name: {json.dumps(score.title)}}}",
                f"    metrics: [{{type: success-rate, value: {value:.4f}}}]",
            ]
    return "\n".join([*lines, "---"])


def _use(manifest: Manifest) -> str:
    lines = ["pip install 'parkour-lab[mujoco]'", "parkour play --checkpoint .", "parkour eval --checkpoint ."]
    lines += ["parkour sim2sim ."] if manifest.kind == "onnx" else []
    return "## Use\n\nIn this folder:\n\n```sh\n" + "\n".join(lines) + "\n```\n"


def _scores(scores: Sequence[Score]) -> str:
    if not scores:
        how = "`parkour eval --checkpoint . --json scores.json`, then `parkour export card --scores scores.json`"
        return f"## Scores\n\nNone were given: {how}.\n"
    text = ["## Scores\n"]
    for score in scores:
        terrains = {plain(name): row for name, row in score.by_terrain.items()} | {"all": score.overall}
        head = f"| {plain(score.title)} | " + " | ".join(terrains) + " |"
        rows = [head, "|---" * (len(terrains) + 1) + "|"]
        counts = [str(score.episodes.get(name, "")) for name in (*score.by_terrain, "")]
        rows.append("| episodes | " + " | ".join(counts) + " |")
        for key, label in METRICS.items():
            cells = [_number(row.get(key)) for row in terrains.values()]
            rows.append(f"| {label} | " + " | ".join(cells) + " |")
        text.append("\n".join(rows) + "\n")
    text.append(
        "Means over episodes. MXD: distance along the course, in patches of 16 m; MEV: feet on edges per step.\n"
    )
    return "\n".join(text)


def _training(checkpoint: Checkpoint, weights: Weights) -> str:
    rows = {
        "task": f"{checkpoint.stamp.name} (task.toml)",
        "iterations": str(checkpoint.iteration),
        "control steps": f"{checkpoint.total_steps:,}",
        "wall time": f"{checkpoint.seconds / 60:.1f} min",
        "robots": str(checkpoint.num_envs),
        "seed": str(checkpoint.seed),
        "versions": ", ".join(f"{name} {version}" for name, version in checkpoint.versions.items()),
        "SHA-256 of the checkpoint": weights.digest,
    }
    return "## Training\n\n" + _table(rows)


def _graphs(manifest: Manifest, export: ExportResult) -> str:
    rows = {}
    for graph in manifest.graphs:
        inputs = ", ".join(f"{port.name} {list(port.shape)}" for port in graph.inputs)
        outputs = ", ".join(f"{port.name} {list(port.shape)}" for port in graph.outputs)
        rate = 1.0 / (manifest.timing.physics_step * manifest.timing.decimation * graph.period)
        rows[graph.file] = f"{inputs} → {outputs}, {rate:.0f} Hz"
    error = f"They differ from torch by at most {export.max_error:.1g}.\n" if export.parities else ""
    return "## Graphs\n\n" + _table(rows) + f"\n{error}`deploy.toml` says the rest: joints, gains, units, limits.\n"


def _limits(manifest: Manifest) -> str:
    names = {*manifest.withstands.events, *(name for group in manifest.withstands.faults.values() for name in group)}
    met = ", ".join(sorted(map(plain, names)))
    return (
        "## Limits\n\nTrained in simulation. Nobody has run it on a robot, unless whoever hands it on says so. "
        f"Training met: {met or 'no randomization'}; the magnitudes are in `[withstands]` of `deploy.toml`, "
        "and of everything else nothing is known.\n"
    )


def _files(files: Sequence[Path]) -> str:
    rows = ["| file | bytes | SHA-256 |", "|---|---|---|"]
    rows += [f"| {path.name} | {path.stat().st_size} | {file_sha256(path)} |" for path in files]
    return "## Files\n\n" + "\n".join(rows) + "\n"


def _table(rows: Mapping[str, str]) -> str:
    lines = [f"| {plain(key)} | {plain(value)} |" for key, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines]) + "\n"


def _number(value: Any) -> str:
    return "–" if value is None else rounded(value, 3)
