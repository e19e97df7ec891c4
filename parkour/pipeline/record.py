"""What came of a stage, as a file: written whole or not at all, and read again when a pipeline goes on.

Paths below the pipeline's folder are in the file as they are seen from there, so that a folder that was moved, or is
called by another name, is still the same pipeline.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parkour.errors import StorageError, TaskError
from parkour.reading import read_json
from parkour.storage import write_text

if TYPE_CHECKING:
    from pydantic import BaseModel

FORMAT = "parkour-pipeline-stage"
VERSION = 1
FILE = "stage.json"
HERE = "./"
"""The folder of the pipeline, at the beginning of a path."""


@dataclass(frozen=True)
class StageRecord:
    """A stage that was run to its end."""

    stage: str
    command: tuple[str, ...]
    """Arguments of ``parkour``; a stage that would be asked for something else is run again."""
    inputs: Mapping[str, str]
    """Digests of the records of the stages that it reads, by their names."""
    result: Mapping[str, Any]
    seconds: float
    """That it took, the last attempt alone."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """When and where (:class:`parkour.pipeline.results.Made`); empty: nobody knows."""

    def digest(self, root: Path) -> str:
        """SHA-256 of what those that read its result depend on, hexadecimal: not how long it took, or where.

        Args:
            root: folder of the pipeline.
        """
        data = {"stage": self.stage, "inputs": dict(self.inputs), "result": seen_from(root, dict(self.result))}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Into the folder of the stage, which lies in that of the pipeline."""
        data = {"format": FORMAT, "format_version": VERSION, **seen_from(folder.parent, asdict(self))}
        write_text(folder / FILE, json.dumps(data, indent=1, allow_nan=False) + "\n", "--out")


def seen_from(root: Path, value: Any) -> Any:
    """Plain values, with every path below ``root`` in them as it is seen from there: ``./rest``."""
    tops = {os.fspath(root) + os.sep, os.fspath(root.absolute()) + os.sep}

    def shorten(text: str) -> str:
        top = next((top for top in tops if text.startswith(top)), None)
        return text if top is None else HERE + text.removeprefix(top).replace(os.sep, "/")

    return _mapped(value, shorten)


def placed_at(root: Path, value: Any) -> Any:
    """Plain values, with every path that :func:`seen_from` shortened below ``root``."""
    return _mapped(value, lambda text: os.fspath(root / text) if text.startswith(HERE) else text)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(each, change) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mapped(each, change) for each in value]
    return value


def read_record(folder: Path, result: type[BaseModel] | None = None) -> StageRecord | None:
    """The record in a stage's folder; None if the stage was not run to its end.

    Args:
        folder: of the stage, which lies in that of the pipeline.
        result: what its result must be (:mod:`parkour.pipeline.results`); anything when None.

    Raises:
        StorageError: the file is none of ours, or its result is another one.
    """
    # Imports pydantic, for which --help need not wait.
    from parkour.pipeline.results import Made
    from parkour.tasks.validation import validate

    path = folder / FILE
    try:
        data = read_json(path)
        if (data["format"], data["format_version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {data['format']} {data['format_version']}, expected {FORMAT} {VERSION}")
        if result is not None:
            validate(result, data["result"], path=("result",))
        if made := data.get("made"):
            validate(Made, made, path=("made",))
        placed = placed_at(folder.parent, {"command": data["command"], "result": data["result"]})
        return StageRecord(
            data["stage"], tuple(placed["command"]), dict(data["inputs"]), dict(placed["result"]),
            float(data["seconds"]), dict(made or {}),
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, TaskError) as error:
        raise StorageError(
            f"{path} is no record of a stage ({error})", hint="remove it: the stage is run again"
        ) from None
