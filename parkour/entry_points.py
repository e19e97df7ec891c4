"""Entry points of installed distributions, read from their ``.dist-info`` folders.

This is what :mod:`importlib.metadata` does too, but importing that alone takes a fifth of ``parkour --help``. What is
installed in other ways than as a folder, such as a zip file on ``sys.path``, is still left to it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import reduce
from importlib import import_module
from typing import Any, NamedTuple

PROJECT = "parkour"
"""The group of entry points, and the name that hooks are marked with."""
BUILTIN = "parkour-lab"
"""The distribution whose components keep their bare names whatever else is installed."""
_METADATA = {"dist-info": "METADATA", "egg-info": "PKG-INFO"}
_VALUE = re.compile(r"([\w.]+)\s*(?::\s*([\w.]+)\s*)?(?:\[.*\]\s*)?")


class EntryPoint(NamedTuple):
    """A line of ``entry_points.txt``."""

    name: str
    value: str
    """``module`` or ``module:attribute``."""

    def load(self) -> Any:
        """Import what it names.

        Raises:
            ValueError: it names nothing that can be imported.
        """
        match = _VALUE.fullmatch(self.value)
        if match is None:
            raise ValueError(f"got the address {self.value!r}, expected 'module' or 'module:attribute'")
        attributes = match[2].split(".") if match[2] else []
        return reduce(getattr, attributes, import_module(match[1]))


class InstalledDistribution(NamedTuple):
    """A distribution that has entry points, as its files say."""

    entry_points: str
    """Text of ``entry_points.txt``."""
    metadata: str
    """Text of ``METADATA``; empty where there is none."""

    def identity(self) -> tuple[str, str]:
        """Name and version as they are written; ``unknown`` for what damaged metadata do not say."""
        found: dict[str, str] = {}
        for line in self.metadata.splitlines():
            if not line.strip():
                break  # The description follows.
            key, _, value = line.partition(":")
            found.setdefault(key.lower(), value.strip())
        return found.get("name") or "unknown", found.get("version") or "unknown"

    def select(self, group: str) -> list[EntryPoint]:
        """The entry points of a group.

        Raises:
            ValueError: a line is none.
        """
        points: list[EntryPoint] = []
        section = ""
        for line in map(str.strip, self.entry_points.splitlines()):
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1].strip()
            elif section == group and line and not line.startswith("#"):
                name, equals, value = line.partition("=")
                if not equals:
                    raise ValueError(f"got the line {line!r}, expected NAME = MODULE")
                points.append(EntryPoint(name.strip(), value.strip()))
        return points


def canonical_distribution(name: str) -> str:
    """A distribution's name as packaging compares it: lower case, runs of ``-``, ``_`` and ``.`` as one ``-``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions_with(group: str, path: Sequence[str] | None = None) -> Iterator[InstalledDistribution]:
    """Installed distributions that have entry points of a group, in the order of the path.

    Args:
        group: of entry points.
        path: folders with ``.dist-info``; ``sys.path`` when None.
    """
    for folder in dict.fromkeys(sys.path if path is None else path):
        try:
            yield from _in_folder(folder or ".", group)
        except NotADirectoryError:
            yield from _in_archive(folder, group)
        except OSError:  # Paths may name what is not there.
            continue


def only_builtin() -> bool:
    """Whether no other distribution than this one has plugins."""
    names = (canonical_distribution(found.identity()[0]) for found in distributions_with(PROJECT))
    return all(name == BUILTIN for name in names)


def _in_folder(folder: str, group: str) -> Iterator[InstalledDistribution]:
    with os.scandir(folder) as entries:
        for entry in entries:
            metadata = _METADATA.get(entry.name.rpartition(".")[2])
            if metadata and _has_group(points := _text(f"{entry.path}/entry_points.txt"), group):
                yield InstalledDistribution(points, _text(f"{entry.path}/{metadata}"))


def _in_archive(path: str, group: str) -> Iterator[InstalledDistribution]:
    from importlib.metadata import distributions

    for found in distributions(path=[path]):
        points = found.read_text("entry_points.txt") or ""
        if _has_group(points, group):
            yield InstalledDistribution(points, found.read_text("METADATA") or found.read_text("PKG-INFO") or "")


def _has_group(entry_points: str, group: str) -> bool:
    return f"[{group}]" in entry_points.replace(" ", "")


def _text(file: str) -> str:
    """What is in a file; nothing where it cannot be read."""
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - of all that is installed: a Path would take half of the time
            return stream.read().decode(errors="replace")
    except OSError:
        return ""
