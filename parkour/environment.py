"""Environment variables that this reads, each checked where it is read."""

from __future__ import annotations

import os
from pathlib import Path

from parkour.errors import ParkourError

PROCESSES = ("WORLD_SIZE", "RANK", "LOCAL_RANK")
"""What torchrun and its like tell each of several processes."""
CACHE = "XDG_CACHE_HOME"
MOST_PROCESSES = 100_000


def process_number(name: str, default: int = 0) -> int:
    """One of :data:`PROCESSES`; ``default`` where it is not set.

    Raises:
        ParkourError: it is no number of processes.
    """
    text = os.environ.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) <= MOST_PROCESSES):
        raise ParkourError(
            f"{name}: got {text[:80]!r}, expected a whole number of at most {MOST_PROCESSES:,}",
            hint=f"unset {name}; torchrun and --gpus set it themselves",
        )
    return int(text)


def cache_folder() -> Path:
    """The user's folder for what can be made again; it need not be there.

    Raises:
        ParkourError: something else has its name.
    """
    text = os.environ.get(CACHE)
    folder = Path(text) if text else Path.home() / ".cache"
    try:
        fits = folder.is_dir() or not folder.exists()
    except OSError:  # A name that no file system takes.
        fits = False
    if not fits:
        raise ParkourError(f"{CACHE}: got {str(text)[:200]!r}, expected a folder", hint=f"unset {CACHE}")
    return folder


def check_environment() -> None:
    """Whether all of them make sense, before libraries that read them too meet them.

    Raises:
        ParkourError: one does not.
    """
    for name in PROCESSES:
        process_number(name)
    if os.environ.get(CACHE):
        cache_folder()
