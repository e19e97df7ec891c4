"""The noise that a student acts with while reinforcement learning trains it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Exploration(nn.Module):
    """Gaussian around the student's actions, with a standard deviation for each joint that is trained.

    Args:
        num_actions: joints ``J``.
        std: first standard deviation of every action.
    """

    def __init__(self, num_actions: int, std: float) -> None:
        super().__init__()
        self.log_std = nn.Parameter(torch.full((num_actions,), math.log(std)))

    @property
    def std(self) -> Tensor:
        """``[J]``."""
        return self.log_std.exp()

    def draw(self, means: Tensor) -> Tensor:
        """Actions ``[N, J]`` around ``means``."""
        return means + self.std * torch.randn_like(means)

    def log_prob(self, means: Tensor, actions: Tensor) -> Tensor:
        """``[N]`` of ``actions`` ``[N, J]``."""
        distance = (actions - means) / self.std
        return (-0.5 * distance.square() - self.log_std - 0.5 * math.log(2.0 * math.pi)).sum(dim=-1)

    def entropy(self) -> Tensor:
        """Scalar: the same in all states."""
        return (self.log_std + 0.5 * math.log(2.0 * math.pi * math.e)).sum()

    def divergence(self, before: Tensor, std: Tensor, means: Tensor) -> Tensor:
        """``[N]`` KL divergence of the distribution now, around ``means``, from one around ``before`` with ``std``."""
        spread = (std.square() + (before - means).square()) / self.std.square()
        return (self.log_std - std.log() + 0.5 * (spread - 1.0)).sum(dim=-1)
