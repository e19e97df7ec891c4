"""All ends of an episode, evaluated together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from parkour.errors import PluginError
from parkour.mdp.context import StepContext
from parkour.mdp.terms import StatefulTerm

Outcome = Literal["success", "time_out", "failure"]


@dataclass(frozen=True)
class OutcomeTerm:
    """A termination term with its meaning and parameters."""

    call: Any
    """``call(ctx, **params) -> [N]`` bool."""
    outcome: Outcome
    params: Mapping[str, Any]


class TerminationSet:
    """Which environments end, and how. A failure wins over a success in the same step.

    Args:
        terms: by name.
        num_envs: N.
        device: where the tensors live.
    """

    def __init__(self, terms: Mapping[str, OutcomeTerm], num_envs: int, device: str | torch.device) -> None:
        self.names = tuple(terms)
        self._terms = tuple(terms.values())
        self._checked = False
        # [3, T] masks rather than lists of columns: a list would be copied to the device in every step.
        means = [[term.outcome == outcome for term in self._terms] for outcome in get_args(Outcome)]
        self._means = torch.tensor(means, dtype=torch.bool, device=device)
        none = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self.fired = none[:, None].expand(-1, len(self._terms)).clone()
        """``[N, T]`` bool: which terms fired in the last step."""
        self.failed = none
        """``[N]`` bool: ended in failure; the value is not bootstrapped."""
        self.succeeded = none
        """``[N]`` bool: ended in success."""
        self.timed_out = none
        """``[N]`` bool: ended by the clock."""

    def compute(self, ctx: StepContext, broken: Tensor) -> Tensor:
        """``[N]`` bool: whether each environment ends; ``broken`` (``[N]`` bool) ones fail whatever the terms say."""
        values = [term.call(ctx, **term.params) for term in self._terms]
        if not self._checked:
            self._check(values, ctx.num_envs)
        self.fired = torch.stack(values, dim=-1) if values else self.fired
        success, time_out, failure = (self.fired[:, None] & self._means).any(dim=-1).unbind(-1)
        self.failed = broken | failure
        # What has ended already is not in what is added to it.
        failed_or_succeeded = self.failed | success
        self.succeeded = failed_or_succeeded ^ self.failed
        done = failed_or_succeeded | time_out
        self.timed_out = done ^ failed_or_succeeded
        return done

    def reset(self, env_ids: Tensor) -> None:
        """Begin new episodes."""
        for term in self._terms:
            if isinstance(term.call, StatefulTerm):
                term.call.reset(env_ids)

    def _check(self, values: list[Tensor], num_envs: int) -> None:
        for name, value in zip(self.names, values, strict=True):
            shape, dtype = tuple(getattr(value, "shape", ())), getattr(value, "dtype", type(value))
            if shape != (num_envs,) or dtype is not torch.bool:
                raise PluginError(
                    f"termination {name!r} returned {dtype} of shape {shape}, expected torch.bool of ({num_envs},)"
                )
        self._checked = True
