"""What modifiers ask of the fields of the measurements they are laid on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.errors import TaskError
from parkour.specs import ObservationField

IMAGE_NDIM = 3
"""``[M, height, width]``."""


def range_limit(modifier: str, fields: Sequence[ObservationField]) -> float:
    """What a range sensor reads where it meets nothing.

    Raises:
        TaskError: the measurements are not those of a range sensor, in metres.
    """
    limits = {field.limit for field in fields}
    limit = limits.pop() if len(limits) == 1 else None
    if limit is None or any((field.unit, field.scale, field.shift) != ("m", 1.0, 0.0) for field in fields):
        names = ", ".join(field.name for field in fields[:4])
        raise TaskError(
            f"modifier {modifier!r} was laid on {names}, expected a range sensor in metres, such as the group 'depth'",
            hint="parkour plugins list --kind modifier",
        )
    return limit


def check_image(modifier: str, values: Tensor) -> None:
    """Whether the measurements are pictures.

    Raises:
        TaskError: they are not.
    """
    if values.ndim != IMAGE_NDIM:
        shape = " x ".join(str(size) for size in values.shape[1:])
        raise TaskError(f"modifier {modifier!r} got measurements of shape {shape}, expected a picture's rows x columns")


def per_number(values: Sequence[tuple[float, int]], device: str | torch.device) -> Tensor:
    """``[Σ size]``: each value as often as its size says."""
    return torch.tensor([value for value, size in values for _ in range(size)], device=device)
