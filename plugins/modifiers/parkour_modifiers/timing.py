"""Measurements that come late, or not at all. They work on any group."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.magnitudes import EpisodeMagnitude, rows
from parkour.mdp.modifiers import RecentMeasurements, blank_memory, put_rows, take_rows
from parkour.params import Magnitude
from parkour.specs import ObservationField


class DroppedFrames:
    """Each measurement is lost with ``probability``; the last one that came is repeated. An episode's first comes."""

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *, probability: Magnitude
    ) -> None:
        self._probability = EpisodeMagnitude(probability, num_envs, device)
        self._last: Tensor | None = None
        """``[N, …]``, made when the shape is known."""
        self._first = torch.ones(num_envs, dtype=torch.bool, device=device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]``."""
        if self._last is None:
            self._last = blank_memory(len(self._first), values)
        first, drawn = take_rows(self._first, env_ids), torch.rand(len(env_ids), device=values.device)
        comes = first | (drawn >= self._probability.of(env_ids, drawn))
        shown = torch.where(rows(comes, values), values, take_rows(self._last, env_ids))
        put_rows(self._last, env_ids, shown, ctx)
        put_rows(self._first, env_ids, torch.zeros_like(first), ctx)
        return shown

    def reset(self, env_ids: Tensor) -> None:
        self._first[env_ids] = True
        self._probability.reset(env_ids)


class LatencyJitter:
    """Each measurement arrives 0 to ``frames`` measurements late, all equally likely, and the newest there is is seen.

    What has been seen once is never followed by something older. On top of a group's own latency.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *, frames: int
    ) -> None:
        self._history = RecentMeasurements(num_envs, frames + 1, device)
        self._age = torch.zeros(num_envs, dtype=torch.long, device=device)
        """``[N]`` how old what was seen last is, in measurements."""
        self._first = torch.ones(num_envs, dtype=torch.bool, device=device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]``."""
        first = take_rows(self._first, env_ids)
        arrival = torch.randint(self._history.slots, env_ids.shape, device=values.device)
        # Since the first measurement this never leads back before it: what stood there is not seen.
        age = torch.minimum(arrival, take_rows(self._age, env_ids) + 1).masked_fill(first, 0)
        seen = self._history.push(values, env_ids, ctx, age)
        put_rows(self._age, env_ids, age, ctx)
        put_rows(self._first, env_ids, torch.zeros_like(first), ctx)
        return seen

    def reset(self, env_ids: Tensor) -> None:
        self._first[env_ids] = True
