"""Pixels without a reading."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from parkour.mdp.context import StepContext
from parkour.mdp.magnitudes import EpisodeChoice, EpisodeMagnitude
from parkour.params import Magnitude
from parkour.specs import ObservationField
from parkour_modifiers.fields import check_image, range_limit


class EdgeDropout:
    """Missing pixels where the distance jumps: there a stereo camera's two views do not match.

    Pixels within ``width`` of a jump of more than ``jump`` between neighbours are missing with ``probability`` each.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        jump: float, width: int, probability: Magnitude, reads: float | tuple[float, ...],
    ) -> None:  # fmt: skip
        range_limit("edge_dropout", fields)
        self._jump, self._width = jump, width
        self._probability = EpisodeMagnitude(probability, num_envs, device)
        self._reads = EpisodeChoice(reads, num_envs, device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, height, width]`` [m]."""
        check_image("edge_dropout", values)
        missing = self.edges(values) & (torch.rand_like(values) < self._probability.of(env_ids, values))
        return torch.where(missing, self._reads.of(env_ids, values), values)

    def edges(self, values: Tensor) -> Tensor:
        """``[M, height, width]`` bool: pixels near a jump; those on both sides of it, for a width of 1."""
        across = (values.diff(dim=2).abs() > self._jump).to(values.dtype)
        along = (values.diff(dim=1).abs() > self._jump).to(values.dtype)
        beside = torch.maximum(pad(across, (1, 0)), pad(across, (0, 1)))
        found = torch.maximum(beside, torch.maximum(pad(along, (0, 0, 1, 0)), pad(along, (0, 0, 0, 1))))
        reach = self._width - 1
        if reach > 0:
            found = max_pool2d(found.unsqueeze(1), 2 * reach + 1, stride=1, padding=reach).squeeze(1)
        return found > 0.0

    def reset(self, env_ids: Tensor) -> None:
        self._probability.reset(env_ids)
        self._reads.reset(env_ids)


class BlindZone:
    """A range sensor that is blind nearby: what is nearer than ``distance`` has no reading."""

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        distance: Magnitude, reads: float | tuple[float, ...],
    ) -> None:  # fmt: skip
        range_limit("blind_zone", fields)
        self._distance = EpisodeMagnitude(distance, num_envs, device)
        self._reads = EpisodeChoice(reads, num_envs, device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]`` [m]."""
        blind = values < self._distance.of(env_ids, values)
        return torch.where(blind, self._reads.of(env_ids, values), values)

    def reset(self, env_ids: Tensor) -> None:
        self._distance.reset(env_ids)
        self._reads.reset(env_ids)


class Speckle:
    """Single pixels that read 0 or the limit, drawn anew in each picture (salt and pepper)."""

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *, share: Magnitude
    ) -> None:
        self._limit = range_limit("speckle", fields)
        self._share = EpisodeMagnitude(share, num_envs, device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]`` [m]."""
        drawn, share = torch.rand_like(values), self._share.of(env_ids, values)
        speckled = torch.where(drawn < share * 0.5, 0.0, self._limit)
        return torch.where(drawn < share, speckled, values)

    def reset(self, env_ids: Tensor) -> None:
        self._share.reset(env_ids)
