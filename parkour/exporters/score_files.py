"""Scores as the JSON files of ``parkour eval`` and ``parkour sim2sim`` hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkour.errors import ExportError
from parkour.text import printable
from parkour_deploy.reading import read_json

FORMATS = {"parkour-evaluation": "eval", "parkour-gauntlet": "gauntlet", "parkour-sim2sim": "sim2sim"}


@dataclass(frozen=True)
class Score:
    """What one file says."""

    title: str
    overall: Mapping[str, float | None]
    """Means by metric."""
    by_terrain: Mapping[str, Mapping[str, float | None]]
    episodes: Mapping[str, int]
    """By terrain; all under an empty name."""


def read_scores(path: Path, digests: set[str]) -> Score:
    """The scores of a file.

    Args:
        path: JSON of ``parkour eval`` (the gauntlet too) or ``parkour sim2sim``.
        digests: SHA-256 of the files of weights whose scores are wanted.

    Raises:
        ExportError: it cannot be read, is something else, or of other weights.
    """
    try:
        data = read_json(path)
        kind = FORMATS[data["format"]]
        found = data["clean"] if kind == "gauntlet" else data
        digest = str(found["checkpoint"]["sha256"])
        score = Score(
            _title(kind, found),
            _means(found["overall"]),
            {str(name): _means(part) for name, part in found["by_terrain"].items()},
            {"": _count(found["overall"])} | {str(name): _count(part) for name, part in found["by_terrain"].items()},
        )
    except OSError as error:
        raise ExportError(f"--scores {path}: {error.strerror or error}", hint="parkour eval --json FILE") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(
            f"--scores {path}: no file of parkour eval or sim2sim ({type(error).__name__}: {error})"
        ) from None
    if digest not in digests:
        raise ExportError(
            f"--scores {path}: it is of the checkpoint with SHA-256 {digest[:12]}…, expected {min(digests)[:12]}…",
            hint="score what is handed on: parkour eval --checkpoint FILE --json scores.json",
        )
    return score


def _title(kind: str, data: Mapping[str, Any]) -> str:
    """In which simulator, under what."""
    protocol = data["protocol"]
    noise = protocol.get("noise")
    where = data.get("engine") or data.get("simulator") or ""
    name = "course, clean" if kind == "gauntlet" else protocol.get("name", kind)
    return printable(f"{name}{f' under {noise}' if noise else ''} on {str(where).rpartition(':')[2]}")


def _means(part: Mapping[str, Any]) -> dict[str, float | None]:
    means = {str(key): value["mean"] for key, value in part["metrics"].items()}
    found = {key: None if mean is None else float(mean) for key, mean in means.items()}
    if bad := [mean for mean in found.values() if mean is not None and not math.isfinite(mean)]:
        raise ValueError(f"got a mean of {bad[0]}, expected finite ones")
    return found


def _count(part: Mapping[str, Any]) -> int:
    """Of its episodes."""
    count = part["episodes"]
    if not isinstance(count, int) or count < 0:
        raise ValueError(f"got {count!r} episodes, expected a whole number of them")
    return count
