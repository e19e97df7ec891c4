"""``deploy.toml`` on disk: read by robots and other simulators, and needs no torch.

The file carries a hash of itself and of every file beside it, so that an export that was edited by hand is noticed
before a robot moves.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import tomli_w

from parkour.digest import file_sha256
from parkour.errors import ExportError, ParkourError
from parkour.exporters.manifest import FORMAT, VERSION, Manifest
from parkour.reading import MalformedError, read_toml
from parkour.tasks.validation import validate

MANIFEST = "deploy.toml"
_INTEGRITY = "integrity"
_AGAIN = "export the checkpoint again: parkour export onnx --checkpoint FILE --out DIR"


def manifest_to_toml(manifest: Manifest) -> str:
    """The text of ``deploy.toml``, with its own hash."""
    tables = _plain(manifest.model_dump(mode="json", exclude_none=True))
    return tomli_w.dumps({_INTEGRITY: {"sha256": _digest(tables)}, **tables})


def read_manifest(folder: Path) -> Manifest:
    """``deploy.toml`` of an export folder, with every hash checked.

    Raises:
        ExportError: there is none, it is malformed or of another version, or it or a file beside it was changed.
    """
    path = folder / MANIFEST
    if not path.is_file():
        where = "is no folder" if not folder.is_dir() else f"holds no {MANIFEST}"
        raise ExportError(f"{folder} {where}, expected an export", hint="parkour export onnx --run DIR --out EXPORT")
    try:
        tables = read_toml(path)
    except (OSError, MalformedError) as error:
        raise ExportError(f"cannot read {path}: {error}", hint=_AGAIN) from None
    if tables.get("format") != FORMAT:
        raise ExportError(f"{path} is of format {tables.get('format')!r}, expected {FORMAT!r}", hint=_AGAIN)
    if tables.get("format_version") != VERSION:
        got = tables.get("format_version")
        raise ExportError(f"{path} has format version {got}, expected {VERSION}", hint=_AGAIN)
    integrity = tables.pop(_INTEGRITY, None)
    if not isinstance(integrity, dict) or integrity.get("sha256") != _digest(tables):
        raise ExportError(f"{path} was edited: its hash is not the one it was written with", hint=_AGAIN)
    try:
        manifest = validate(Manifest, tables)
    except ParkourError as error:
        raise ExportError(f"{path}: {error.message}", hint=_AGAIN) from None
    for graph in manifest.graphs:
        _check_file(folder / graph.file, graph.sha256)
    return manifest


def check_task_file(folder: Path, manifest: Manifest) -> Path:
    """The export's task file, unchanged since it was written.

    Raises:
        ExportError: it is missing or was edited.
    """
    path = folder / manifest.task.file
    _check_file(path, manifest.task.sha256)
    return path


def _check_file(path: Path, expected: str) -> None:
    if not path.is_file():
        raise ExportError(f"{path} is missing, but {MANIFEST} names it", hint=_AGAIN)
    try:
        got = file_sha256(path)
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror or error}") from None
    if got != expected:
        raise ExportError(
            f"{path} was edited or replaced: its hash begins with {got[:12]}, {MANIFEST} expects {expected[:12]}",
            hint=_AGAIN,
        )


def _digest(tables: dict[str, Any]) -> str:
    """Of the values, not of the text: comments and blank lines may be added."""
    return hashlib.sha256(json.dumps(tables, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Without None, which TOML cannot say."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
