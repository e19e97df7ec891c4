"""A log as MCAP, which Foxglove and others show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from parkour_deploy.errors import DeployError
from parkour_deploy.files import whole_file
from parkour_deploy.log import read_log

TABLES = {"state": "/parkour/state", "step": "/parkour/step"}
"""Topics of the tables."""
_MILLISECOND = 1_000_000


def write_mcap(log: Path, out: Path) -> Path:
    """Write the log's tables as messages in JSON, with the robot's clock for their time.

    Raises:
        DeployError: mcap is not installed, or the file cannot be written.
    """
    try:
        from mcap.writer import Writer  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise DeployError("--mcap: the package mcap is not installed", hint="pip install mcap") from None
    data = read_log(log)
    try:
        with whole_file(out) as part, part.open("wb") as file:
            writer = Writer(file)
            writer.start("parkour")
            writer.add_metadata("parkour", {key: json.dumps(value) for key, value in data.head.items()})
            for table, rows in (("state", data.states), ("step", data.steps)):
                if rows:
                    _write_table(writer, TABLES[table], rows)
            writer.finish()
    except OSError as error:
        raise DeployError(f"cannot write {out}: {error.strerror or error}", hint="--mcap FILE") from None
    return out


def _write_table(writer: Any, topic: str, rows: dict[str, np.ndarray]) -> None:
    properties = {name: _schema(column) for name, column in rows.items()}
    schema = writer.register_schema(
        name=topic.strip("/").replace("/", "."),
        encoding="jsonschema",
        data=json.dumps({"type": "object", "properties": properties}).encode(),
    )
    channel = writer.register_channel(topic=topic, message_encoding="json", schema_id=schema)
    for index, tick in enumerate(rows["tick"]):
        message = {name: _plain(column[index]) for name, column in rows.items()}
        time = int(tick) * _MILLISECOND
        writer.add_message(
            channel_id=channel, log_time=time, publish_time=time, sequence=index, data=json.dumps(message).encode()
        )


def _schema(column: np.ndarray) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "number"}} if column.ndim > 1 else {"type": "number"}


def _plain(value: np.ndarray) -> Any:
    """For JSON, which knows no infinity."""
    return np.nan_to_num(np.asarray(value, float), posinf=1e9, neginf=-1e9).tolist()
