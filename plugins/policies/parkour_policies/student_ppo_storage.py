"""What a rollout leaves behind where reinforcement learning trains the student."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from tensordict import TensorDict
from torch import Tensor

from parkour_policies.distillation_storage import DistillationStorage
from parkour_policies.ppo_losses import advantages

DRAWN, MEANS, LOG_PROB, VALUES, ADVANTAGES, RETURNS = "drawn", "means", "log_prob", "values", "advantages", "returns"
"""Names of rows that are no observation groups."""
CLEAN = "clean."
"""What the name of a group without noise begins with."""


class StudentPpoStorage(DistillationStorage):
    """One rollout: besides what distillation stores, what the critic reads, the actions drawn and what they earned."""

    def __init__(self, steps: int, obs: TensorDict, num_actions: int, device: str, groups: Iterable[str]) -> None:
        super().__init__(steps, obs, num_actions, device, groups)
        make = lambda size: torch.zeros(steps, self.num_envs, size, device=device)  # noqa: E731
        self.rewards = make(1)
        self.drawn = {DRAWN: make(num_actions), MEANS: make(num_actions)}
        self.clean: dict[str, Tensor] = {}
        self.drawn |= {name: make(1) for name in (LOG_PROB, VALUES, ADVANTAGES, RETURNS)}

    def note(self, **values: Tensor) -> None:
        """``[N, size]`` of the current step, by name."""
        for name, value in values.items():
            self.drawn[name][self.step] = value

    def note_clean(self, groups: Mapping[str, Tensor]) -> None:
        """What the critic reads of the current step instead of groups with noise, ``[N, size]`` by name."""
        for name, value in groups.items():
            if name in self.groups:
                kept = self.clean.setdefault(CLEAN + name, torch.zeros_like(self.groups[name]))
                kept[self.step] = value

    def value_of(self, last: Tensor, gamma: float, lam: float) -> None:
        """Returns and normalised advantages of the rollout, after whose end the states have the values ``last``
        ``[N, 1]``."""
        steps = slice(self.step)
        rewards, values, dones = self.rewards[steps], self.drawn[VALUES][steps], self.dones[steps].unsqueeze(-1)
        found = advantages(rewards, values, dones, last, gamma, lam)
        self.drawn[RETURNS][steps] = found + values
        self.drawn[ADVANTAGES][steps] = (found - found.mean()) / (found.std() + 1e-8)

    def stored(self) -> dict[str, Tensor]:
        return {**super().stored(), **self.drawn, **self.clean}
