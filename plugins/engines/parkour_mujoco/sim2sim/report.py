"""Figures of many episodes, and how two runs differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from parkour.errors import ExportError
from parkour.reading import read_json

METRICS = {
    "success": "success",
    "way_points": "way points",
    "way_points_before": "way points before end",
    "displacement": "MXD",
    "edge_per_step": "MEV / step",
    "edge_per_episode": "MEV / episode",
    "length": "length [s]",
    "fall": "falls",
    "time_out": "time-outs",
    "power": "power [W]",
}
"""Keys and titles; the keys are those of ``parkour eval``."""

Episode = Mapping[str, Any]
"""``terrain``, ``difficulty`` and the figures of one episode."""


def summarise(episodes: Sequence[Episode]) -> dict[str, Any]:
    """Count, and mean and standard deviation of every metric; ``edge_per_step`` over all steps, not episodes."""
    found: dict[str, Any] = {"episodes": len(episodes), "metrics": {}}
    for key in METRICS:
        values = np.array([episode[key] for episode in episodes])
        mean, std = float(values.mean()), float(values.std())
        if key == "edge_per_step":
            steps = sum(episode["steps"] for episode in episodes)
            mean = sum(episode["edge_per_episode"] for episode in episodes) / steps
            squares = sum(episode["edge_squared"] for episode in episodes) / steps
            std = math.sqrt(max(0.0, squares - mean * mean))
        found["metrics"][key] = {"mean": mean, "std": std}
    return found


def break_down(episodes: Sequence[Episode]) -> dict[str, Any]:
    """The summary of all episodes, and of those of each terrain."""
    terrains = list(dict.fromkeys(episode["terrain"] for episode in episodes))
    return {
        "overall": summarise(episodes),
        "by_terrain": {name: summarise([e for e in episodes if e["terrain"] == name]) for name in terrains},
    }


def load_evaluation(path: Path) -> dict[str, Any]:
    """``overall`` and ``by_terrain`` of a file that ``parkour eval --json`` or ``parkour sim2sim --json`` wrote.

    Raises:
        ExportError: it cannot be read, or is something else.
    """
    try:
        data = read_json(path)
        found = {"overall": data["overall"], "by_terrain": dict(data["by_terrain"])}
        for part in (found["overall"], *found["by_terrain"].values()):
            _mean(part, "way_points")
    except OSError as error:
        raise ExportError(
            f"--compare {path}: {error.strerror or error}",
            hint="expected a JSON file of parkour eval or sim2sim, or the word engine",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(
            f"--compare {path}: not a file of parkour eval or sim2sim ({type(error).__name__}: {error})"
        ) from None
    return found


def difference(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Means here less means there: overall and for each terrain that both have."""
    shared = [name for name in here["by_terrain"] if name in there["by_terrain"]]
    return {
        "overall": _differences(here["overall"], there["overall"]),
        "by_terrain": {name: _differences(here["by_terrain"][name], there["by_terrain"][name]) for name in shared},
    }


def _differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for key in METRICS:
        if key in there["metrics"]:
            a, b = _mean(here, key), _mean(there, key)
            known = a is not None and b is not None
            found[key] = {"here": a, "there": b, "difference": a - b if known else None}  # type: ignore[operator]
    return found


def _mean(part: Mapping[str, Any], key: str) -> float | None:
    value = part["metrics"][key]["mean"]
    return None if value is None else float(value)
