"""Keeps written robots in the user's cache, each under a fingerprint of what it was written from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from parkour import environment
from parkour.storage import whole_file

VERSION = "1"
"""Of what the writer writes; another one makes all files anew."""


def written_usd(mjcf: Path | str, *, name: str, base: str, feet: Mapping[str, Sequence[str]]) -> Path:
    """The USD file of a robot, written if it is not there yet. See :func:`parkour_isaaclab.usd.mjcf.read_mjcf`.

    The name is for messages and file names.

    Raises:
        EngineError: the model cannot be written as USD.
        StorageError: the cache cannot be written.
    """
    told = repr((VERSION, base, sorted((foot, tuple(shapes)) for foot, shapes in feet.items())))
    text = mjcf.encode() if isinstance(mjcf, str) else mjcf.read_bytes()
    fingerprint = hashlib.sha256(text + told.encode()).hexdigest()[:16]
    place = cache_folder() / f"{name}-{fingerprint}.usda"
    if place.is_file():
        return place
    from parkour_isaaclab.usd.author import write_usd
    from parkour_isaaclab.usd.mjcf import read_mjcf

    robot = read_mjcf(mjcf, name=name, base=base, feet=feet)
    with whole_file(place, "XDG_CACHE_HOME") as part:
        write_usd(robot, part)
    return place


def cache_folder() -> Path:
    """Where written robots are."""
    return environment.cache_folder() / "parkour" / "robots"
