"""Two policies on the same courses: differences with confidence intervals.

With the same seed and the same terrains, episode ``k`` of environment ``i`` is the same course for both. Intervals are
percentile bootstraps of the difference of means: environments are drawn with replacement, because the episodes of one
environment share its friction and its column; when all courses agree, both policies' environments are drawn together
(paired).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parkour.errors import ParkourError
from parkour.evaluation.episodes import EpisodeTable
from parkour.evaluation.evaluate import Evaluation
from parkour.evaluation.metrics import Metric, Pooled

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Difference:
    """A metric of two policies."""

    a: float
    b: float
    difference: float
    """``b - a``."""
    low: float
    """Bounds of the interval of the difference."""
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True)
class Comparison:
    """Two evaluations and the differences between them."""

    a: Evaluation
    b: Evaluation
    paired: bool
    """Whether episodes were compared course by course."""
    confidence: float
    resamples: int
    overall: dict[str, Difference]
    """By :attr:`parkour.evaluation.metrics.Metric.key`."""
    by_terrain: dict[str, dict[str, Difference]]


def compare(
    a: Evaluation, b: Evaluation, *, resamples: int = RESAMPLES, metrics: Sequence[Metric] | None = None
) -> Comparison:
    """Differences of metrics, all of them when None, overall and on each terrain that both have.

    Raises:
        ParkourError: the two were not tried in the same way.
    """
    _check_same(a, b)
    paired = _same_courses(a, b)
    shared = [name for name in a.episodes.terrains if name in b.episodes.terrains]
    rows = {name: (_on(a.episodes, name), _on(b.episodes, name)) for name in shared}
    rows = {name: pair for name, pair in rows.items() if pair[0].any() and pair[1].any()}
    if not rows:
        raise ParkourError("--compare: the two policies have no terrain in common", hint="--terrain NAME")
    both = np.any([pair[0] for pair in rows.values()], axis=0), np.any([pair[1] for pair in rows.values()], axis=0)

    wanted = a.episodes.metrics if metrics is None else metrics

    def differences(part: tuple[np.ndarray, np.ndarray]) -> dict[str, Difference]:
        return _differences(a, b, part, paired, resamples, wanted)

    return Comparison(
        a=a,
        b=b,
        paired=paired,
        confidence=CONFIDENCE,
        resamples=resamples,
        overall=differences(both),
        by_terrain={name: differences(part) for name, part in rows.items()},
    )


def bootstrap(
    a: tuple[np.ndarray, np.ndarray],
    b: tuple[np.ndarray, np.ndarray],
    *,
    paired: bool,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Interval of the difference of two ratios of sums, ``Σ b / Σ n_b - Σ a / Σ n_a``.

    Args:
        a: per environment of A: sum of the metric, and sum of what it is divided by (episodes, or steps).
        b: the same of B.
        paired: whether row ``i`` of both is the same environment, so that rows are drawn together.
        resamples: draws.
        rng: of the draws.

    Returns:
        The bounds of the central :data:`CONFIDENCE`; NaN where one environment has to stand for all.
    """
    if min(len(a[0]), len(b[0])) < 2:
        return math.nan, math.nan
    draw_a = rng.integers(len(a[0]), size=(resamples, len(a[0])))
    draw_b = draw_a if paired else rng.integers(len(b[0]), size=(resamples, len(b[0])))
    drawn = b[0][draw_b].sum(1) / b[1][draw_b].sum(1) - a[0][draw_a].sum(1) / a[1][draw_a].sum(1)
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(drawn, [tail, 100.0 - tail])
    return float(low), float(high)


def _differences(
    a: Evaluation, b: Evaluation, rows: tuple[np.ndarray, np.ndarray], paired: bool, resamples: int,
    metrics: Sequence[Metric],
) -> dict[str, Difference]:  # fmt: skip
    found = {}
    for number, metric in enumerate(metrics):
        sums_a, sums_b = _sums(a, rows[0], metric), _sums(b, rows[1], metric)
        rng = np.random.default_rng([a.options.seed % 2**32, number])
        low, high = bootstrap(sums_a, sums_b, paired=paired, resamples=resamples, rng=rng)
        mean_a, mean_b = (float(total.sum() / count.sum()) for total, count in (sums_a, sums_b))
        found[metric.key] = Difference(mean_a, mean_b, mean_b - mean_a, low, high)
    return found


def _sums(evaluation: Evaluation, rows: np.ndarray, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    """Per environment: sum of a metric, and of its divisor."""
    table = evaluation.episodes
    found = metric.of(table)
    if isinstance(found, Pooled):
        value, weight = found.sums[rows], found.counts[rows]
    else:
        value = found[rows]
        weight = np.ones(len(value))
    _, owner = np.unique(table.environment[rows], return_inverse=True)
    return np.bincount(owner, value), np.bincount(owner, weight)


def _on(table: EpisodeTable, terrain: str) -> np.ndarray:
    return table.terrain == table.terrains.index(terrain)


def _same_courses(a: Evaluation, b: Evaluation) -> bool:
    """Whether both had the same episodes: courses made from the same numbers, and each environment on the same ones."""
    ours, theirs = a.episodes, b.episodes
    if _course_numbers(a) != _course_numbers(b) or len(ours) != len(theirs):
        return False
    return all(
        np.array_equal(x, y)
        for x, y in (
            (ours.environment, theirs.environment),
            (ours.episode, theirs.episode),
            (ours.terrain, theirs.terrain),
            (ours.values["level"], theirs.values["level"]),
        )
    )


def _course_numbers(evaluation: Evaluation) -> tuple[object, ...]:
    """What the courses depend on, besides the seed."""
    task = evaluation.task
    parts = [(name, part.id, part.params, task.model.terrains[name].share) for name, part in task.terrains.items()]
    return task.model.course, parts


def _check_same(a: Evaluation, b: Evaluation) -> None:
    ours, theirs = ((e.protocol.name, e.options.seed, e.options.num_envs) for e in (a, b))
    if ours != theirs:
        raise ParkourError(f"--compare: got protocol, seed and environments {ours} and {theirs}, expected the same")
