"""A plugin's source folder, put in sight of Python as if it were installed: no build, no pip, nothing written in it.

Its name, version and entry points are read from ``pyproject.toml``; next to the folders of its modules on the path
comes a temporary folder with a ``.dist-info`` that holds just these. Importing the plugin runs its code, of course:
:mod:`parkour.testing.separate_process` does that in another process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkour.errors import PluginError
from parkour.hookspecs import PROJECT
from parkour.reading import MalformedError, read_toml
from parkour.registry import canonical_distribution

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class SourceProject:
    """A plugin that is not installed."""

    folder: Path
    distribution: str
    version: str
    entry_points: Mapping[str, str]
    roots: tuple[Path, ...]
    """Folders that hold its packages and modules."""

    def write_metadata(self, into: Path) -> list[str]:
        """Writes the ``.dist-info`` and returns what to put on the path, first of all."""
        info = into / f"{self.distribution.replace('-', '_')}-{self.version}.dist-info"
        info.mkdir(parents=True)
        header = f"Metadata-Version: 2.1\nName: {self.distribution}\nVersion: {self.version}\n"
        (info / "METADATA").write_text(header, encoding="utf-8")
        lines = [f"[{PROJECT}]", *(f"{name} = {target}" for name, target in self.entry_points.items()), ""]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        return [str(into), *(str(root) for root in self.roots)]


def is_path(text: str) -> bool:
    """Whether what a user gave is meant as a folder: it has a separator, is ``.``, or holds a ``pyproject.toml``."""
    return os.sep in text or "/" in text or text in (".", "..") or (Path(text) / "pyproject.toml").is_file()


def read_source(folder: Path) -> SourceProject:
    """Reads a plugin's ``pyproject.toml``.

    Raises:
        PluginError: there is none, or it declares no plugin whose modules are there.
    """
    folder = folder.expanduser().resolve()
    project, tables = _project(folder)
    name = project.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(f"{folder / 'pyproject.toml'}: project.name: got {name!r}, expected a distribution's name")
    version = project.get("version", "0")
    if not isinstance(version, str) or not re.fullmatch(r"[\w.+!]+", version):
        raise PluginError(
            f"{folder / 'pyproject.toml'}: project.version: got {version!r}, expected text such as '0.1.0'"
        )
    groups = project.get("entry-points")
    points = groups.get(PROJECT) if isinstance(groups, dict) else None
    if not isinstance(points, dict) or not points or not all(isinstance(value, str) for value in points.values()):
        raise PluginError(
            f"{folder / 'pyproject.toml'} declares no plugin",
            hint=f"[project.entry-points.{PROJECT}] with a line such as: terrains = 'my_package.plugin'",
        )
    if not all(re.fullmatch(r"[\w.-]+", key) and re.fullmatch(r"[\w.]+(:[\w.]+)?", points[key]) for key in points):
        raise PluginError(f"{folder / 'pyproject.toml'}: an entry point is malformed, expected name = 'module'")
    roots = _roots(folder, tables)
    for key, target in points.items():
        _check_module(folder, roots, key, target)
    return SourceProject(folder, canonical_distribution(name), version, dict(points), roots)


def _project(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    path = folder / "pyproject.toml"
    try:
        tables = read_toml(path)
    except FileNotFoundError:
        raise PluginError(
            f"no pyproject.toml in {folder}", hint="parkour plugins check FOLDER, or the name of an installed plugin"
        ) from None
    except (OSError, MalformedError) as error:
        raise PluginError(f"cannot read {path}: {error}") from error
    project = tables.get("project")
    if not isinstance(project, dict):
        raise PluginError(f"{path} has no table [project]")
    return project, tables


def _roots(folder: Path, tables: Mapping[str, Any]) -> tuple[Path, ...]:
    """Where packages are looked for: what hatch and setuptools are told, ``src``, the folder itself."""
    packages = _at(tables, "tool", "hatch", "build", "targets", "wheel", "packages") or []
    where = _at(tables, "tool", "setuptools", "packages", "find", "where") or []
    said = [Path(str(package)).parent for package in packages] + [Path(str(name)) for name in where]
    candidates = [folder / path for path in (*said, Path("src"), Path())]
    return tuple(dict.fromkeys(path.resolve() for path in candidates if path.is_dir()))


def _at(tables: Any, *keys: str) -> Any:
    for key in keys:
        tables = tables.get(key) if isinstance(tables, dict) else None
    return tables


def _check_module(folder: Path, roots: tuple[Path, ...], key: str, target: str) -> None:
    top = target.partition(":")[0].partition(".")[0]
    if not any((root / top).is_dir() or (root / f"{top}.py").is_file() for root in roots):
        looked = ", ".join(str(root.relative_to(folder)) if root != folder else "." for root in roots)
        raise PluginError(
            f"{folder / 'pyproject.toml'}: entry point {key!r} names {target!r}, but there is no module {top!r} "
            f"(looked in {looked})"
        )
