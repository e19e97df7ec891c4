"""Which Isaac Lab is installed, and what it can run, found without importing it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from parkour.engines.protocol import Availability
from parkour_isaaclab.backends.backend import NAMES, Backend, find_backend
from parkour_isaaclab.shared_libraries import absent_libraries, debian_packages

SUPPORTED = "3.0"
"""Version of Isaac Lab that the engine is written for."""
PYTHON = (3, 12)
"""The one Python that there is an Isaac Lab 3.0 for."""
INSTALL = "python3.12 -m pip install 'parkour-lab[isaaclab]'; see docs/isaaclab.md"


def find_installation() -> Availability:
    """Whether some backend can run here; the versions of all that there is."""
    version = isaaclab_version()
    packages = {"isaaclab": version} | {
        name: distribution_version(name) for backend in NAMES for name in find_backend(backend).distributions
    }
    if version is None:
        return Availability(False, f"isaaclab is not installed{_python()}", INSTALL, packages)
    if not version.startswith(f"{SUPPORTED}."):
        reason = f"Isaac Lab {version} is installed, expected {SUPPORTED}.x{_python()}"
        return Availability(False, reason, INSTALL, packages)
    obstacles = {name: find_obstacle(find_backend(name)) for name in NAMES}
    able = [name for name, obstacle in obstacles.items() if obstacle is None]
    if not able:
        wanted = "; ".join(f"{name}: {', '.join(found.absent)}" for name, found in obstacles.items() if found)
        return Availability(False, f"isaaclab is there, but none of its physics is ({wanted})", INSTALL, packages)
    there = {name: found for name, found in packages.items() if found is not None}
    # What is not installed is nobody's concern; what is and cannot run is.
    broken = [
        f"not {name}: {found.reason}; {found.hint}" for name, found in obstacles.items() if found and found.system
    ]
    return Availability(True, details=there | {"physics": ", ".join([*able, *broken])})


@dataclass(frozen=True)
class Obstacle:
    """Why a backend cannot run here."""

    absent: tuple[str, ...]
    """What is not there: distributions, or shared libraries of the system."""
    system: bool
    """Whether it is the system's, while everything is installed that pip installs."""
    reason: str
    hint: str


def find_obstacle(backend: Backend) -> Obstacle | None:
    """What keeps a backend from running; None if nothing is known to."""
    if absent := tuple(name for name in backend.distributions if distribution_version(name) is None):
        return Obstacle(absent, False, f"{', '.join(absent)} not installed", backend.install)
    if absent := absent_libraries(backend.libraries):
        reason = f"it needs {', '.join(absent)}, which the system's loader does not find"
        packages = " ".join(debian_packages(absent))
        return Obstacle(absent, True, reason, f"apt install {packages} (Debian's names)")
    return None


def isaaclab_version() -> str | None:
    """Version of Isaac Lab, such as ``3.0.0``; None if it is not installed.

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


def package_folder() -> Path | None:
    """Folder of the package ``isaaclab``; None if it is not installed."""
    try:
        spec = find_spec("isaaclab")
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _python() -> str:
    """What is to be added where this Python is another than Isaac Lab's."""
    got, expected = (".".join(map(str, version)) for version in (sys.version_info[:2], PYTHON))
    return "" if got == expected else f"; Isaac Lab {SUPPORTED} is for Python {expected}, this is {got}"
