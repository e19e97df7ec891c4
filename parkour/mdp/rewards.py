"""All reward terms of a task, evaluated together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from parkour.errors import PluginError
from parkour.mdp.context import StepContext
from parkour.mdp.terms import StatefulTerm

NOT_FINITE = "Physics/nan_reward/"
"""Beginning of the scalars that count a term's numbers that were none; they are added up over an iteration."""


@dataclass(frozen=True)
class WeightedTerm:
    """A reward term with its weight and parameters, ready to be called."""

    call: Any
    """``call(ctx, **params) -> [N]``."""
    weight: float
    params: Mapping[str, Any]


class RewardSet:
    """The weighted sum of the terms, per control step, and what each contributed to the episode.

    Args:
        terms: by name; those with weight 0 are left out by whoever builds the task.
        num_envs: N.
        device: where the tensors live.
        step_dt: control step [s]; every term is multiplied by it.
        clip_at_zero: clip the sum from below at 0.
    """

    def __init__(
        self,
        terms: Mapping[str, WeightedTerm],
        num_envs: int,
        device: str | torch.device,
        *,
        step_dt: float,
        clip_at_zero: bool,
    ) -> None:
        self.names = tuple(terms)
        self._terms = tuple(terms.values())
        self._clip = clip_at_zero
        self._scale = torch.tensor([term.weight * step_dt for term in self._terms], device=device)
        self._checked = False
        self.step_values = torch.zeros(num_envs, len(self._terms), device=device)
        """``[N, R]`` weighted terms of the last step."""
        self.episode_sums = torch.zeros(num_envs, len(self._terms), device=device)
        """``[N, R]`` their sums since the episode's start."""
        self.not_finite = torch.zeros(num_envs, len(self._terms), device=device)
        """``[N, R]`` steps for which each term was NaN or infinite; written in place."""

    def compute(self, ctx: StepContext, broken: Tensor | None = None) -> Tensor:
        """``[N]`` reward of this step; what is not finite counts as 0, and is counted.

        Args:
            ctx: the state.
            broken: ``[N]`` bool: robots whose state is not finite, of which no reward is to blame.

        Raises:
            PluginError: a term returned another shape than ``[N]`` (checked on the first call).
        """
        if not self._terms:
            return torch.zeros(ctx.num_envs, device=ctx.device)
        values = [term.call(ctx, **term.params) for term in self._terms]
        if not self._checked:
            self._check(values, ctx.num_envs)
        weighted = torch.stack(values, dim=-1) * self._scale
        # A broken physics state must not reach the policy: its environment is reset in this very step.
        self.step_values = torch.nan_to_num(weighted, nan=0.0, posinf=0.0, neginf=0.0)
        replaced = weighted != self.step_values
        if broken is None:
            self.not_finite += replaced
        else:
            self.not_finite.addcmul_(replaced, ~broken[:, None])
        self.episode_sums += self.step_values
        total = self.step_values.sum(dim=-1)
        return total.clamp(min=0.0) if self._clip else total

    def drain_not_finite(self) -> dict[str, Tensor]:
        """How often each term was NaN or infinite since the last call, as scalars on the device, and starts anew."""
        counts = self.not_finite.sum(dim=0)
        self.not_finite.zero_()
        return {f"{NOT_FINITE}{name}": count for name, count in zip(self.names, counts, strict=True)}

    def reset(self, env_ids: Tensor) -> None:
        """Begin new episodes; read :attr:`episode_sums` before."""
        self.episode_sums[env_ids] = 0.0
        for term in self._terms:
            if isinstance(term.call, StatefulTerm):
                term.call.reset(env_ids)

    def _check(self, values: list[Tensor], num_envs: int) -> None:
        for name, value in zip(self.names, values, strict=True):
            shape = tuple(getattr(value, "shape", ()))
            if shape != (num_envs,):
                raise PluginError(f"reward {name!r} returned shape {shape}, expected ({num_envs},)")
        self._checked = True
