"""What the encoder sees at one control step, and in a rollout, as one sequence per environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Chosen = tuple[Tensor, Tensor, Tensor]
"""What :meth:`GlimpseSequences.choose` returns."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What the encoder is given at one control step: ``M`` of the ``N`` environments, or all."""

    env_ids: Tensor | None
    """``[M]`` int64; None: all, in order."""
    mask: Tensor | None
    """``[N, 1]`` bool, with all environments: those that count; None: all do."""
    images: Tensor
    """``[M, H, W]``."""
    proprioception: Tensor
    """``[M, P]``, both yaws 0."""
    features: Tensor
    """``[M, …]`` of the images."""


@dataclass(frozen=True)
class GlimpseSequences:
    """``R`` glimpses in ``T`` control steps of ``N`` environments, each of which has at most ``G``.

    Environments see at different steps: all at the perception rate, and those that begin an episode besides. Ordered
    by environment, a recurrent encoder goes over all of them in ``G`` steps rather than ``T``.
    """

    images: Tensor
    """``[R, H, W]``."""
    proprioception: Tensor
    """``[R, P]``."""
    features: Tensor
    """``[R, …]`` of the images, as the encoder was when it saw them."""
    rows: Tensor
    """``[G, N]`` int64: the ``g``-th glimpse of each environment; 0 where it has none."""
    valid: Tensor
    """``[G, N]`` bool: whether it has."""
    begins: Tensor
    """``[G, N]`` bool: whether an episode ended since the glimpse before, or since the first step."""
    held: Tensor
    """``[T, N]`` int64: how many glimpses each environment has had by each step, that step included."""

    @classmethod
    def of(cls, glimpses: Sequence[Glimpse | None], dones: Tensor) -> GlimpseSequences | None:
        """Of the glimpses at each of ``T`` steps and the ends of episodes in them (``[T, N]`` bool); None of none."""
        steps, num_envs = dones.shape
        found = [(step, _who(glimpse, num_envs), glimpse) for step, glimpse in enumerate(glimpses) if glimpse]
        if not found:
            return None
        device = dones.device
        env = torch.cat([who for _, (who, _), _ in found])
        time = torch.cat([torch.full_like(who, step) for step, (who, _), _ in found])
        parts = [(glimpse, kept) for _, (_, kept), glimpse in found]
        take = lambda name: torch.cat([_rows(getattr(glimpse, name), kept) for glimpse, kept in parts])  # noqa: E731
        order = torch.argsort(env * steps + time)
        counts = torch.bincount(env, minlength=num_envs)
        first = counts.cumsum(0) - counts
        rank = torch.arange(len(env), device=device) - first[env[order]]
        shape = int(counts.max()), num_envs
        rows = torch.zeros(shape, dtype=torch.int64, device=device)
        valid = torch.zeros(shape, dtype=torch.bool, device=device)
        rows[rank, env[order]] = order
        valid[rank, env[order]] = True
        at = torch.where(valid, time[rows], steps - 1)
        before = torch.cat((torch.zeros_like(at[:1]), at[:-1]))
        ended = torch.cat((torch.zeros_like(dones[:1], dtype=torch.int64), dones.long().cumsum(0)))
        seen = torch.zeros(dones.shape, dtype=torch.int64, device=device)
        seen.index_put_((time, env), torch.ones_like(env), accumulate=True)
        return cls(
            take("images"), take("proprioception"), take("features"), rows, valid,
            begins=ended.gather(0, at) > ended.gather(0, before), held=seen.cumsum(0),
        )  # fmt: skip

    def choose(self, env_ids: Tensor) -> Chosen:
        """The sequences of ``n`` environments (``[n]`` int64).

        Returns:
            Their glimpses ``[r]`` int64; where each stands in that list ``[G, n]``, 0 where there is none; ``begins``
            ``[G, n]``.
        """
        valid, rows = self.valid[:, env_ids], self.rows[:, env_ids]
        places = torch.zeros_like(rows)
        places[valid] = torch.arange(int(valid.sum()), device=rows.device)
        return rows[valid], places, self.begins[:, env_ids]


def _who(glimpse: Glimpse, num_envs: int) -> tuple[Tensor, Tensor | None]:
    """Whose glimpses count, and which rows they are; None: all."""
    if glimpse.env_ids is not None:
        return glimpse.env_ids, None
    if glimpse.mask is not None:
        chosen = glimpse.mask.view(-1).nonzero().view(-1)
        return chosen, chosen
    return torch.arange(num_envs, device=glimpse.images.device), None


def _rows(values: Tensor, kept: Tensor | None) -> Tensor:
    return values if kept is None else values[kept]
