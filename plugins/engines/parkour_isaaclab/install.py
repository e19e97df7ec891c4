"""Which Isaac Lab is installed, found without importing it."""

from __future__ import annotations

import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

SUPPORTED = "2.3"
"""Version of Isaac Lab that the engine is written for."""


def isaaclab_version() -> str | None:
    """Version of Isaac Lab, such as ``2.3.2``; None if it is not installed.

    A wheel says it itself. In a clone of the repository the package has a number of its own, and the repository's
    ``VERSION`` file says which Isaac Lab it is.
    """
    folder = package_folder()
    if folder is None:
        return None
    for parent in list(folder.parents)[:4]:
        file = parent / "VERSION"
        if file.is_file() and (parent / "source").is_dir():
            return file.read_text(encoding="utf-8").strip()
    return distribution_version("isaaclab")


def distribution_version(name: str) -> str | None:
    """Version of an installed distribution; None if it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def is_importable(name: str) -> bool:
    """Whether a top-level package is there."""
    if name in sys.modules:
        return True
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def package_folder() -> Path | None:
    """Folder of the package ``isaaclab``; None if it is not installed."""
    try:
        spec = find_spec("isaaclab")
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def add_sources() -> None:
    """Make Isaac Lab's packages importable where a wheel keeps them in a subfolder of its own package.

    The wheel's outer package ``isaaclab`` is only a shell around ``source/<package>/<package>``; put first, the inner
    ones are what ``import isaaclab`` finds. In a clone they are on the path already.
    """
    folder = package_folder()
    if folder is None:
        return
    for inner in sorted((folder / "source").glob("*/")):
        if (inner / inner.name / "__init__.py").is_file() and str(inner) not in sys.path:
            sys.path.insert(0, str(inner))
