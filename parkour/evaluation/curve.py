"""All checkpoints of a run on the same courses: how success grew with training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkour.errors import CheckpointError
from parkour.evaluation.evaluate import Evaluation
from parkour.evaluation.html import figure, page, section, table
from parkour.evaluation.report import as_json
from parkour.evaluation.summary import Summary, wilson
from parkour.policies.checkpoint_folder import checkpoints_of
from parkour.policies.source import Weights, weights_at
from parkour.text import counted

FORMAT = "parkour-curve"
VERSION = 1


@dataclass(frozen=True)
class Curve:
    """Evaluations of the checkpoints of one run, by iteration."""

    run: Path
    points: tuple[Evaluation, ...]

    @property
    def terrains(self) -> list[str]:
        return list(self.points[0].breakdown.by_terrain)

    @property
    def iterations(self) -> list[int]:
        return [point.weights.checkpoint.iteration for point in self.points]


def evaluate_run(
    run: Path, evaluate: Callable[[Weights], Evaluation], notify: Callable[[str], None] = lambda line: None
) -> Curve:
    """Score every checkpoint of a run folder, the earliest first; damaged ones are left out, with a line.

    Args:
        run: the folder.
        evaluate: scores one, the same way each time.
        notify: told what was left out.

    Raises:
        CheckpointError: there is none that can be read.
    """
    points: list[Evaluation] = []
    for path in checkpoints_of(run):
        try:
            weights = weights_at(path)
        except CheckpointError as error:
            notify(f"left out: {error}")
            continue
        points.append(evaluate(weights))
    if not points:
        raise CheckpointError(f"run folder {run} holds no checkpoint (model_<iteration>.pt)")
    return Curve(run, tuple(points))


def success_of(group: Summary) -> tuple[float, float, float]:
    """Share of the episodes completed, and its 95 % Wilson interval."""
    rate = group.metrics["success"].mean
    return rate, *wilson(rate * group.episodes, group.episodes)


def curve_columns(curve: Curve) -> tuple[str, ...]:
    """Headings of :func:`curve_rows`."""
    return ("iteration", "success", "95 %", "way points", *curve.terrains)


def curve_rows(curve: Curve) -> list[tuple[str, ...]]:
    """Figures of each checkpoint, of the terrains the successes."""
    rows = []
    for point in curve.points:
        parts = point.breakdown
        rate, low, high = success_of(parts.overall)
        rows.append((
            str(point.weights.checkpoint.iteration), f"{rate:.2f}", f"{low:.2f} to {high:.2f}",
            f"{parts.overall.metrics['way_points'].mean:.2f}",
            *(f"{parts.by_terrain[name].metrics['success'].mean:.2f}" for name in curve.terrains),
        ))  # fmt: skip
    return rows


def curve_as_json(curve: Curve) -> dict[str, Any]:
    """All figures but those of single episodes."""
    points = [{name: value for name, value in as_json(point).items() if name != "episodes"} for point in curve.points]
    return {"format": FORMAT, "format_version": VERSION, "run": str(curve.run), "points": points}


def curve_page(curve: Curve, figures: Mapping[str, bytes]) -> str:
    """A web page, pictures inside."""
    head = ["iteration", "success", "95 %", "way points", *curve.terrains]
    rows = ((row[0], row[1:]) for row in curve_rows(curve))
    body = [section("Success over iterations", *(figure(name, data) for name, data in figures.items()))]
    body.append(section("Checkpoints", table(head, rows)))
    return page(
        f"{curve.points[0].task.name}: a run", f"{counted(len(curve.points), 'checkpoint')} of {curve.run.name}", body
    )
