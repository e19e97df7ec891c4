"""Parameters in ``deploy.toml``: an export's hash says that nobody edited it, not that whoever wrote it meant well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parkour.errors import ExportError, ParkourError, UnknownNameError
from parkour.exporters.manifest import Manifest
from parkour.registry import default_registry
from parkour.specs import Kind
from parkour.tasks.components import read_parameters


def check_parameters(manifest: Manifest) -> None:
    """Whether terminations and observation groups have parameters that their components take.

    Components that are not installed are left to those who need them.

    Raises:
        ExportError: they have not.
    """
    for key, entry in manifest.terminations.items():
        _check("termination", key, entry.use, entry.params)
    for group in manifest.observation.groups:
        _check("observation", group.name, group.use, group.params)


def _check(kind: Kind, key: str, use: str, params: Mapping[str, Any]) -> None:
    try:
        item = default_registry().get(kind, use)
    except UnknownNameError:
        return
    try:
        read_parameters(item, params)
    except ParkourError as error:
        raise ExportError(f"{kind} {key!r} ({item.id}): {error.message}", hint=error.hint) from None
