"""What came of a stage, as a file: written whole or not at all, and read again when a pipeline goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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

    @property
    def digest(self) -> str:
        """SHA-256 of all of it, hexadecimal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Into the folder of the stage."""
        data = {"format": FORMAT, "format_version": VERSION, **asdict(self)}
        write_text(folder / FILE, json.dumps(data, indent=1, allow_nan=False) + "\n", "--out")


def read_record(folder: Path, result: type[BaseModel] | None = None) -> StageRecord | None:
    """The record in a stage's folder; None if the stage was not run to its end.

    Args:
        folder: of the stage.
        result: what its result must be (:mod:`parkour.pipeline.results`); anything when None.

    Raises:
        StorageError: the file is none of ours, or its result is another one.
    """
    from parkour.tasks.validation import validate  # Imports pydantic, for which --help need not wait.

    path = folder / FILE
    try:
        data = read_json(path)
        if (data["format"], data["format_version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {data['format']} {data['format_version']}, expected {FORMAT} {VERSION}")
        if result is not None:
            validate(result, data["result"], path=("result",))
        return StageRecord(
            data["stage"], tuple(data["command"]), dict(data["inputs"]), dict(data["result"]), float(data["seconds"])
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, TaskError) as error:
        raise StorageError(
            f"{path} is no record of a stage ({error})", hint="remove it: the stage is run again"
        ) from None
