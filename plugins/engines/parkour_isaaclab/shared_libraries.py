"""Which of the system's shared libraries a physics needs and does not find, told before it is loaded.

Once it is loaded, a simulator says no more than a number about it.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_ABSENT = re.compile(r"^\s*(\S+) => not found$", re.MULTILINE)
"""How the loader names a library that it did not find."""
_SONAME = re.compile(r"(?P<name>lib.+?)\.so(?:\.(?P<version>[\w.]+))?")


def absent_libraries(files: Sequence[str]) -> tuple[str, ...]:
    """Libraries that these files need, themselves or through others, and that are not there.

    The dynamic loader is asked, which runs nothing of theirs. Nothing is known where it cannot be (no ``ldd``).

    Args:
        files: shared libraries of installed packages, such as ``ovstage/bin/libovstage.so``.

    Returns:
        Names such as ``libGL.so.1``, sorted.
    """
    found = [path for file in files if (path := _installed(file)) is not None]
    # Packages find each other's libraries, and what the process has already, whatever a loader that starts anew finds.
    own = {library.name for path in found for library in _package(path).rglob("*.so*")}
    return tuple(sorted(name for name in _unresolved(tuple(found)) if name not in own and not _loadable(name)))


def debian_packages(libraries: Iterable[str]) -> list[str]:
    """Packages that have these libraries, by Debian's rule: ``libX11.so.6`` is in ``libx11-6``."""
    packages: list[str] = []
    for library in libraries:
        if match := _SONAME.fullmatch(library):
            name, version = match["name"].lower().replace("_", "-"), match["version"] or ""
            packages.append(f"{name}-{version}" if version and name[-1].isdigit() else f"{name}{version}")
    return packages


def _installed(file: str) -> Path | None:
    """Where a file of a package is; None if it, or the package, is not there."""
    package, _, rest = file.partition("/")
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / rest).is_file():
            return path
    return None


def _package(path: Path) -> Path:
    """The folder of the package that a file of its is in."""
    return next((parent for parent in path.parents if (parent / "__init__.py").is_file()), path.parent)


@cache
def _unresolved(paths: tuple[Path, ...]) -> frozenset[str]:
    """What the loader does not find of that which these need."""
    ldd = shutil.which("ldd")
    if ldd is None or not paths:
        return frozenset()
    try:
        asked = subprocess.run([ldd, *map(str, paths)], capture_output=True, text=True, timeout=30.0, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(_ABSENT.findall(asked.stdout))


def _loadable(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
