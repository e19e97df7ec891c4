"""Made-up episodes to try metrics on."""

from __future__ import annotations

import numpy as np

from parkour.evaluation.episodes import COLUMNS, EpisodeTable

_TERRAINS = ("gap", "flat")
_GOALS = 8


def random_episodes(count: int, seed: int = 0) -> EpisodeTable:
    """A table of ``count`` plausible episodes drawn from ``seed``, with every column that ``parkour eval`` has."""
    rng = np.random.default_rng(seed)
    steps, goals = rng.integers(1, 1500, count), rng.integers(0, _GOALS + 1, count)
    success = goals == _GOALS
    fall = ~success & (rng.random(count) < 0.5)
    edge = rng.integers(0, 4 * steps + 1)
    made = {
        "level": rng.integers(0, 20, count),
        "difficulty": rng.random(count),
        "speed": rng.uniform(0.3, 0.8, count),
        "steps": steps,
        "success": success,
        "fall": fall,
        "time_out": ~(success | fall),
        "broken": fall & (rng.random(count) < 0.1),
        "goals": goals,
        "way_points": goals / _GOALS,
        "way_points_before": np.minimum(goals, _GOALS - 1) / (_GOALS - 1),
        "displacement": rng.random(count),
        "return": rng.uniform(0.0, 40.0, count),
        "edge": edge,
        "edge_squared": np.minimum(edge * 2, edge**2),
    }
    return EpisodeTable(
        terrains=_TERRAINS,
        environment=np.arange(count, dtype=np.int64),
        episode=np.zeros(count, np.int64),
        terrain=rng.integers(0, len(_TERRAINS), count),
        values={name: made[name].astype(np.float64) for name in COLUMNS},
        rewards={"tracking": rng.uniform(0.0, 20.0, count)},
        terminations={"fell": fall.astype(np.float64)},
        unfinished=np.zeros(len(_TERRAINS), np.int64),
        max_goals=_GOALS,
        step_dt=0.02,
        metrics=(),
    )
