"""Means and spreads over episodes: overall, per terrain, per bin of difficulty, and for each pair of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from parkour.evaluation.episodes import EpisodeTable
from parkour.evaluation.metrics import Pooled

BINS = 5
"""Bins of difficulty, of equal width."""
Z95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


@dataclass(frozen=True)
class Stat:
    """Mean and spread; NaN where there was nothing to average."""

    mean: float
    std: float
    """Standard deviation (divided by n) over the episodes; of a pooled metric over all their steps."""


@dataclass(frozen=True)
class Summary:
    """A group of episodes."""

    episodes: int
    metrics: dict[str, Stat]
    """By :attr:`parkour.evaluation.metrics.Metric.key`."""
    rewards: dict[str, Stat]
    """Sum of each weighted term over an episode."""
    terminations: dict[str, float]
    """Part of the episodes in whose last step each term fired."""
    success_interval: tuple[float, float]
    """Wilson's 95 % interval of the success rate."""
    reached: tuple[float, ...]
    """Part of the episodes that reached at least 0, 1, 2, … way points."""


@dataclass(frozen=True)
class Breakdown:
    """All groups of an evaluation."""

    edges: tuple[float, ...]
    """Bounds of the bins of difficulty."""
    overall: Summary
    by_terrain: dict[str, Summary]
    by_bin: tuple[Summary, ...]
    """Of the terrains whose courses depend on the difficulty; empty where there is none."""
    cells: dict[str, tuple[Summary, ...]]
    """Per terrain, the bins; empty for one that ignores the difficulty."""

    @property
    def ungraded(self) -> tuple[str, ...]:
        """Terrains that ignore the difficulty."""
        return tuple(name for name, cells in self.cells.items() if not cells)

    def groups(self) -> Iterator[tuple[str, tuple[Summary, ...], Summary | None]]:
        """Name, bins of difficulty and total of each group that is shown: the terrains, then all of them.

        Bins are empty for a group that has none. The bins of several terrains are those of :attr:`by_bin`: where some
        ignore the difficulty, they are a group of their own, ``graded``, without a total.
        """
        for name, cells in self.cells.items():
            yield name, cells, self.by_terrain[name]
        if len(self.cells) > 1:
            apart = bool(self.ungraded and self.by_bin)
            if apart and len(self.cells) - len(self.ungraded) > 1:
                yield "graded", self.by_bin, None
            yield "all", () if apart else self.by_bin, self.overall


def met(cells: Sequence[Summary]) -> list[tuple[int, Summary]]:
    """The bins that hold episodes, each with its number: with few robots many hold none, and say nothing."""
    return [(number, cell) for number, cell in enumerate(cells) if cell.episodes]


def break_down(table: EpisodeTable, difficulty: tuple[float, float], ungraded: Collection[str] = ()) -> Breakdown:
    """Groups the episodes.

    Args:
        table: the episodes.
        difficulty: range that the bins divide.
        ungraded: terrains that ignore the difficulty: theirs says nothing, and they are in no bin.
    """
    edges = bin_edges(difficulty)
    bins = bin_of(table.values["difficulty"], edges)
    summary = _summariser(table)
    everything = np.ones(len(table), bool)
    on = {name: table.terrain == i for i, name in enumerate(table.terrains)}
    present = {name: rows for name, rows in on.items() if rows.any() or table.unfinished[table.terrains.index(name)]}
    graded = {name: rows for name, rows in present.items() if name not in ungraded}
    counted = np.logical_or.reduce([*graded.values(), ~everything])
    numbers = range(len(edges) - 1)
    return Breakdown(
        edges=edges,
        overall=summary(everything),
        by_terrain={name: summary(rows) for name, rows in present.items()},
        by_bin=tuple(summary(counted & (bins == b)) for b in numbers if graded),
        cells={
            name: tuple(summary(rows & (bins == b)) for b in numbers if name in graded)
            for name, rows in present.items()
        },
    )


def bin_edges(difficulty: tuple[float, float]) -> tuple[float, ...]:
    """Bounds of the bins; one bin where the range is a point."""
    low, high = difficulty
    if low == high:
        return (low, high)
    return tuple(float(edge) for edge in np.linspace(low, high, BINS + 1))


def bin_of(difficulty: np.ndarray, edges: tuple[float, ...]) -> np.ndarray:
    """Bin of each difficulty, int64; a bound belongs to the bin above it, the last to the last bin."""
    inner = np.asarray(edges[1:-1])
    # Difficulties are single precision: a bound that was hit exactly may lie a rounding below.
    return np.searchsorted(inner, difficulty + 1e-6, side="right")


def wilson(successes: float, episodes: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval of a rate; (NaN, NaN) without episodes."""
    if episodes == 0:
        return math.nan, math.nan
    rate, n = successes / episodes, episodes
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _pooled(found: Pooled, rows: np.ndarray) -> Stat:
    """Mean and standard deviation over all steps of the episodes ``rows`` ``[M]`` bool."""
    total = found.counts[rows].sum()
    if total == 0:
        return Stat(math.nan, math.nan)
    mean = found.sums[rows].sum() / total
    return Stat(float(mean), math.sqrt(max(0.0, float(found.squares[rows].sum() / total - mean * mean))))


def _summariser(table: EpisodeTable) -> Callable[[np.ndarray], Summary]:
    values = {metric.key: metric.of(table) for metric in table.metrics}

    def summarise(rows: np.ndarray) -> Summary:
        count = int(rows.sum())
        raw = {name: column[rows] for name, column in table.values.items()}
        metrics = {
            key: _pooled(found, rows) if isinstance(found, Pooled) else _stat(found[rows])
            for key, found in values.items()
        }
        goals = np.arange(table.max_goals + 1)
        reached = (raw["goals"][:, None] >= goals).mean(axis=0) if count else np.full(len(goals), math.nan)
        return Summary(
            episodes=count,
            metrics=metrics,
            rewards={name: _stat(column[rows]) for name, column in table.rewards.items()},
            terminations={name: _stat(column[rows]).mean for name, column in table.terminations.items()},
            success_interval=wilson(raw["success"].sum(), count),
            reached=tuple(float(part) for part in reached),
        )

    return summarise


def _stat(values: np.ndarray) -> Stat:
    if len(values) == 0:
        return Stat(math.nan, math.nan)
    return Stat(float(values.mean()), float(values.std()))
