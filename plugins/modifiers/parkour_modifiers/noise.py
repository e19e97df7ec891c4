"""Errors of the readings themselves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.errors import TaskError
from parkour.mdp.context import StepContext
from parkour.specs import ObservationField
from parkour_modifiers.fields import per_number, range_limit


class GaussianNoise:
    """Independent normal errors on any group; ``sigma`` is in each field's own unit, before its scale.

    ``fields`` restricts it to the named ones. Readings at a range sensor's limit, which met nothing, stay.
    """

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        sigma: float, only: tuple[str, ...],
    ) -> None:  # fmt: skip
        names = [field.name for field in fields]
        if unknown := [name for name in only if name not in names]:
            raise TaskError(
                f"modifier 'gaussian_noise': unknown field {unknown[0]!r}; the group has {', '.join(names)}"
            )
        chosen = [not only or field.name in only for field in fields]
        sizes = [field.size for field in fields]
        scales = [sigma * field.scale * each for field, each in zip(fields, chosen, strict=True)]
        limits = [float("inf") if field.limit is None else field.limit * field.scale + field.shift for field in fields]
        self._sigma = per_number(list(zip(scales, sizes, strict=True)), device)
        self._limit = per_number(list(zip(limits, sizes, strict=True)), device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]``."""
        shape = values.shape[1:]
        noisy = values + torch.randn_like(values) * self._sigma.view(shape)
        return torch.where(values < self._limit.view(shape), noisy, values)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing is remembered."""


class GaussianRangeNoise:
    """Independent normal errors of a range sensor, with a deviation of ``sigma + growth · distance²``.

    Readings at the limit, which met nothing, stay.
    """

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        sigma: float, growth: float,
    ) -> None:  # fmt: skip
        self._limit = range_limit("gaussian_range_noise", fields)
        self._sigma, self._growth = sigma, growth

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]`` [m], within 0 and the limit."""
        deviation = self._sigma + self._growth * values.square()
        noisy = (values + torch.randn_like(values) * deviation).clamp(0.0, self._limit)
        return torch.where(values < self._limit, noisy, values)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing is remembered."""


class StereoRangeNoise:
    """Errors of a stereo camera: normal in disparity, hence growing with the square of the distance.

    A stereo camera measures the disparity b·f / distance (baseline b, focal length f in pixels) with an error of some
    ``subpixel``, in steps of ``quantum``. Both are pixels; what they mean in metres, subpixel / (b·f) · distance²,
    follows. Far readings err outwards more than inwards, as real ones do.
    """

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        baseline: float, focal_length: float, subpixel: float, quantum: float,
    ) -> None:  # fmt: skip
        self._limit = range_limit("stereo_range_noise", fields)
        self._disparity = baseline * focal_length
        self._subpixel, self._quantum = subpixel, quantum

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]`` [m], within 0 and the limit."""
        # The least disparity there can be is that of the limit: what is measured below it has met nothing.
        least = self._disparity / self._limit
        disparity = self._disparity / values.clamp(min=1e-3) + self._subpixel * torch.randn_like(values)
        if self._quantum > 0.0:
            disparity = torch.round(disparity / self._quantum) * self._quantum
        return torch.where(values < self._limit, self._disparity / disparity.clamp(min=least), values)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing is remembered."""
