"""Measurements that come late, or not at all. They work on any group."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.magnitudes import EpisodeMagnitude, rows
from parkour.params import Magnitude
from parkour.specs import ObservationField


class DroppedFrames:
    """Each measurement is lost with ``probability``; the last one that came is repeated. An episode's first comes."""

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *, probability: Magnitude
    ) -> None:
        self._probability = EpisodeMagnitude(probability, num_envs, device)
        self._last: Tensor | None = None
        """``[N, …]``, made when the shape is known."""
        self._first = torch.ones(num_envs, dtype=torch.bool, device=device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]``."""
        last = values.new_zeros(len(self._first), *values.shape[1:]) if self._last is None else self._last
        drawn = torch.rand(len(env_ids), device=values.device)
        comes = self._first[env_ids] | (drawn >= self._probability.of(env_ids, drawn))
        shown = torch.where(rows(comes, values), values, last[env_ids])
        self._last = last.index_copy(0, env_ids, shown)
        self._first.index_fill_(0, env_ids, False)
        return shown

    def reset(self, env_ids: Tensor) -> None:
        self._first[env_ids] = True
        self._probability.reset(env_ids)


class LatencyJitter:
    """Each measurement arrives 0 to ``frames`` measurements late, all equally likely, and the newest there is is seen.

    What has been seen once is never followed by something older. On top of a group's own latency.
    """

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *, frames: int
    ) -> None:
        self._slots = frames + 1
        self._history: Tensor | None = None
        """``[N, frames + 1, …]`` newest first, made when the shape is known."""
        self._age = torch.zeros(num_envs, dtype=torch.long, device=device)
        """``[N]`` how old what was seen last is, in measurements."""
        self._first = torch.ones(num_envs, dtype=torch.bool, device=device)

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]``."""
        if self._history is None:
            self._history = values.new_zeros(len(self._first), self._slots, *values.shape[1:])
        newest, first = values.unsqueeze(1), self._first[env_ids]
        history = torch.cat((newest, self._history[env_ids][:, :-1]), dim=1)
        history = torch.where(rows(first, history), newest, history)
        arrival = torch.randint(self._slots, env_ids.shape, device=values.device)
        age = torch.minimum(arrival, self._age[env_ids] + 1).masked_fill(first, 0)
        self._history = self._history.index_copy(0, env_ids, history)
        self._age = self._age.index_copy(0, env_ids, age)
        self._first.index_fill_(0, env_ids, False)
        return history[torch.arange(len(env_ids), device=values.device), age]

    def reset(self, env_ids: Tensor) -> None:
        self._first[env_ids] = True
