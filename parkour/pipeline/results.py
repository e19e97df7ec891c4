"""What the records of stages may hold: a folder that is taken up again may have come from anywhere."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Rate = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Amount = Annotated[float, Field(ge=0.0, le=1e12)]
Text = Annotated[str, Field(max_length=4096)]


class Made(BaseModel):
    """When and where a stage was run."""

    model_config = ConfigDict(extra="forbid")

    began: Text
    device: Text
    versions: dict[Text, Text]


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Trained(_Result):
    """Of a stage that trains."""

    checkpoint: Text
    run: Text
    iterations: Count
    control_steps: Count
    minutes: Amount


class Degraded(_Result):
    """Success under one degradation, and how much less that is than without."""

    success: Rate
    loss: Annotated[float, Field(ge=-1.0, le=1.0)] | None
    part: Text


class Evaluated(_Result):
    """Of a stage that scores."""

    success: Rate
    episodes: Count
    by_terrain: dict[str, Rate]
    degradations: dict[str, Degraded] = {}
    page: Text


class Simulated(_Result):
    """Of sim2sim."""

    success: Rate
    episodes: Count
    by_terrain: dict[str, Rate]
    simulator: Text


class WeightsWritten(_Result):
    """Of an export of the weights alone."""

    file: Text
    megabytes: Amount


class ExportWritten(_Result):
    """Of an export."""

    folder: Text
    files: list[Any]
    max_error: Amount
