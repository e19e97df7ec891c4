"""Errors of the readings themselves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.magnitudes import EpisodeMagnitude, as_mask
from parkour.params import Magnitude
from parkour.specs import ObservationField
from parkour_modifiers.fields import chosen_scales, limits_of, range_limit


class GaussianNoise:
    """Independent normal errors on any group; ``sigma`` is in each field's own unit, before its scale.

    ``only`` restricts it to the named fields. Readings at a range sensor's limit, which met nothing, stay.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        sigma: Magnitude, only: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._sigma = EpisodeMagnitude(sigma, num_envs, device)
        self._scale = chosen_scales("gaussian_noise", fields, only, device)
        self._limit = limits_of(fields, device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]``."""
        shape = values.shape[1:]
        noisy = values + torch.randn_like(values) * (self._scale.view(shape) * self._sigma.of(env_ids, values))
        return torch.where(values < self._limit.view(shape), noisy, values)

    def reset(self, env_ids: Tensor) -> None:
        self._sigma.reset(env_ids)


class ConstantError:
    """An error that stays the same for an episode, such as that of an encoder's zero: U(± ``spread``) on each number.

    ``spread`` is in each field's own unit, before its scale; ``only`` restricts it to the named fields.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        spread: Magnitude, only: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._spread = EpisodeMagnitude(spread, num_envs, device)
        self._scale = chosen_scales("constant_error", fields, only, device)
        self._share = torch.empty(num_envs, len(self._scale), device=device).uniform_(-1.0, 1.0)
        """``[N, Σ size]`` of the greatest error."""

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]``."""
        error = (self._share[env_ids] * self._scale).view_as(values)
        return values + error * self._spread.of(env_ids, values)

    def reset(self, env_ids: Tensor) -> None:
        self._spread.reset(env_ids)
        begun = as_mask(env_ids, len(self._share)).unsqueeze(1)
        self._share = torch.where(begun, torch.empty_like(self._share).uniform_(-1.0, 1.0), self._share)


class GaussianRangeNoise:
    """Independent normal errors of a range sensor, with a deviation of ``sigma + growth · distance²``.

    Readings at the limit, which met nothing, stay.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        sigma: Magnitude, growth: Magnitude,
    ) -> None:  # fmt: skip
        self._limit = range_limit("gaussian_range_noise", fields)
        self._sigma = EpisodeMagnitude(sigma, num_envs, device)
        self._growth = EpisodeMagnitude(growth, num_envs, device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]`` [m], within 0 and the limit."""
        deviation = self._sigma.of(env_ids, values) + self._growth.of(env_ids, values) * values.square()
        noisy = (values + torch.randn_like(values) * deviation).clamp(0.0, self._limit)
        return torch.where(values < self._limit, noisy, values)

    def reset(self, env_ids: Tensor) -> None:
        self._sigma.reset(env_ids)
        self._growth.reset(env_ids)


class StereoRangeNoise:
    """Errors of a stereo camera: normal in disparity, hence growing with the square of the distance.

    A stereo camera measures the disparity b·f / distance (baseline b, focal length f in pixels) with an error of some
    ``subpixel``, in steps of ``quantum``. Both are pixels; what they mean in metres, subpixel / (b·f) · distance²,
    follows. Far readings err outwards more than inwards, as real ones do.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        baseline: float, focal_length: float, subpixel: Magnitude, quantum: float,
    ) -> None:  # fmt: skip
        self._limit = range_limit("stereo_range_noise", fields)
        self._disparity = baseline * focal_length
        self._subpixel, self._quantum = EpisodeMagnitude(subpixel, num_envs, device), quantum

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]`` [m], within 0 and the limit."""
        # The least disparity there can be is that of the limit: what is measured below it has met nothing.
        least = self._disparity / self._limit
        error = self._subpixel.of(env_ids, values) * torch.randn_like(values)
        disparity = self._disparity / values.clamp(min=1e-3) + error
        if self._quantum > 0.0:
            disparity = torch.round(disparity / self._quantum) * self._quantum
        return torch.where(values < self._limit, self._disparity / disparity.clamp(min=least), values)

    def reset(self, env_ids: Tensor) -> None:
        self._subpixel.reset(env_ids)


class RangeError:
    """A range sensor that is out of adjustment: ``scale · distance + bias``. Readings at the limit stay."""

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        scale: Magnitude, bias: Magnitude,
    ) -> None:  # fmt: skip
        self._limit = range_limit("range_error", fields)
        self._scale, self._bias = (EpisodeMagnitude(value, num_envs, device) for value in (scale, bias))

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]`` [m], within 0 and the limit."""
        wrong = values * self._scale.of(env_ids, values) + self._bias.of(env_ids, values)
        return torch.where(values < self._limit, wrong.clamp(0.0, self._limit), values)

    def reset(self, env_ids: Tensor) -> None:
        self._scale.reset(env_ids)
        self._bias.reset(env_ids)
