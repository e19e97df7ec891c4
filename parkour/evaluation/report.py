"""An evaluation as data for programs, and the files that it is written to."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from parkour.evaluation.compare import Comparison, Difference
from parkour.evaluation.episodes import CONTACT_FORCE, EpisodeTable
from parkour.evaluation.evaluate import Evaluation
from parkour.evaluation.metrics import Metric
from parkour.evaluation.summary import Summary
from parkour.storage import write_text
from parkour.tasks import task_to_toml

FORMAT = "parkour-evaluation"
COMPARISON_FORMAT = "parkour-comparison"
VERSION = 1


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything that was measured and what it depends on; equal for equal input on a CPU, so without times."""
    parts = evaluation.breakdown
    options, model, metrics = evaluation.options, evaluation.task.model, evaluation.episodes.metrics
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "task": {"name": evaluation.task.name, "stage": model.stage, "toml": task_to_toml(evaluation.task)},
        "checkpoint": {
            "path": str(evaluation.weights.path),
            "sha256": evaluation.weights.digest,
            "iteration": evaluation.weights.checkpoint.iteration,
        },
        "protocol": {
            "name": evaluation.protocol.name,
            "speed": list(model.command.speed),
            "episode_length": model.timing.episode_length,
            "difficulty": list(model.course.difficulty_range),
            "blank_depth": options.blank_depth,
            "noise": options.changes.noise,
        },
        "seed": options.seed,
        "num_envs": options.num_envs,
        "steps_wanted": options.steps,
        "steps": evaluation.steps,
        "step_dt": model.step_dt,
        "episodes_per_environment": evaluation.episodes_per_environment,
        "unfinished": evaluation.unfinished,
        "device": evaluation.device,
        "engine": evaluation.engine,
        "versions": evaluation.versions,
        "contact_force": CONTACT_FORCE,
        "difficulty_bins": list(parts.edges),
        "overall": _summary(parts.overall, metrics),
        "by_terrain": {name: _summary(group, metrics) for name, group in parts.by_terrain.items()},
        "by_difficulty": [_summary(group, metrics) for group in parts.by_bin],
        "by_terrain_and_difficulty": {
            name: [_summary(g, metrics) for g in row] for name, row in parts.cells.items() if row
        },
        "ungraded_terrains": list(parts.ungraded),
        "episodes": _episodes(evaluation.episodes),
    }


def comparison_as_json(comparison: Comparison) -> dict[str, Any]:
    """Both evaluations, and the differences B - A."""
    return {
        "format": COMPARISON_FORMAT,
        "format_version": VERSION,
        "a": as_json(comparison.a),
        "b": as_json(comparison.b),
        "paired": comparison.paired,
        "confidence": comparison.confidence,
        "resamples": comparison.resamples,
        "overall": _differences(comparison.overall),
        "by_terrain": {name: _differences(row) for name, row in comparison.by_terrain.items()},
    }


def json_text(data: Mapping[str, Any]) -> str:
    """Data as strict JSON, with a line's end."""
    return json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: Path, data: Mapping[str, Any], option: str = "--json") -> None:
    """Write data as strict JSON.

    Raises:
        StorageError: the file cannot be written.
    """
    write_text(path, json_text(data), option)


def _summary(group: Summary, metrics: Iterable[Metric]) -> dict[str, Any]:
    return {
        "episodes": group.episodes,
        "metrics": {
            metric.key: {
                "mean": number(group.metrics[metric.key].mean),
                "std": number(group.metrics[metric.key].std),
                "unit": metric.unit,
            }
            for metric in metrics
        },
        "success_interval_95": [number(bound) for bound in group.success_interval],
        "reached_at_least": [number(part) for part in group.reached],
        "rewards": {name: {"mean": number(stat.mean), "std": number(stat.std)} for name, stat in group.rewards.items()},
        "terminations": {name: number(part) for name, part in group.terminations.items()},
    }


def _differences(row: Mapping[str, Difference]) -> dict[str, Any]:
    return {
        key: {"a": number(d.a), "b": number(d.b), "difference": number(d.difference), "low": number(d.low),
              "high": number(d.high)}
        for key, d in row.items()
    }  # fmt: skip


def _episodes(table: EpisodeTable) -> dict[str, Any]:
    """One list per column."""
    return {
        "environment": table.environment.tolist(),
        "episode": table.episode.tolist(),
        "terrain": [table.terrains[index] for index in table.terrain],
        **{name: _numbers(column) for name, column in table.values.items()},
        "rewards": {name: _numbers(column) for name, column in table.rewards.items()},
        "terminations": {name: _numbers(column) for name, column in table.terminations.items()},
    }


def _numbers(column: np.ndarray) -> list[float | int | None]:
    return [number(value) for value in column.tolist()]


def number(value: float) -> float | int | None:
    """As JSON has it: whole numbers without a fraction, nothing for what is not a number."""
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 2**53 else value
