"""Files that are whole or not there, as parkour's own (:mod:`parkour.storage`): a robot's power goes without a word."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Iterator


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to, with its suffix: moved there when the block ends, removed when it fails.

    A symbolic link at ``path`` is replaced, never followed.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        if part.exists():
            part.unlink()
