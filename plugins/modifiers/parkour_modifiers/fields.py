"""What modifiers ask of the fields of the measurements they are applied to."""

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
            f"modifier {modifier!r} was applied to {names}, expected a range sensor in metres, such as the group "
            "'depth'",
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


def chosen_scales(
    modifier: str, fields: Sequence[ObservationField], only: Sequence[str], device: str | torch.device
) -> Tensor:
    """``[Σ size]``: the scale of each number that belongs to one of the fields ``only`` (all when empty), else 0.

    Raises:
        TaskError: the group has no field of such a name.
    """
    names = [field.name for field in fields]
    if unknown := [name for name in only if name not in names]:
        raise TaskError(f"modifier {modifier!r}: unknown field {unknown[0]!r}; the group has {', '.join(names)}")
    return _per_number([field.scale if not only or field.name in only else 0.0 for field in fields], fields, device)


def limits_of(fields: Sequence[ObservationField], device: str | torch.device) -> Tensor:
    """``[Σ size]``: what each number reads where a range sensor meets nothing; infinity where there is no limit."""
    limits = [float("inf") if field.limit is None else field.limit * field.scale + field.shift for field in fields]
    return _per_number(limits, fields, device)


def _per_number(values: Sequence[float], fields: Sequence[ObservationField], device: str | torch.device) -> Tensor:
    """``[Σ size]``: the value of each field as often as it has numbers."""
    return torch.tensor(
        [value for value, field in zip(values, fields, strict=True) for _ in range(field.size)], device=device
    )
