"""The distribution of the teacher's actions."""

from __future__ import annotations

import torch
from rsl_rl.modules.distribution import GaussianDistribution
from torch import Tensor
from torch.distributions import Normal


class Gaussian(GaussianDistribution):
    """rsl-rl's Gaussian, drawn from without making the host wait.

    ``torch.normal`` with a tensor of standard deviations asks the device whether one of them is negative, in every
    control step. The numbers drawn are the same. Whatever the precision of the networks, means are single precision.
    """

    def update(self, mlp_output: Tensor) -> None:
        super().update(mlp_output.float())

    @torch.no_grad()
    def sample(self) -> Tensor:
        now = self._distribution
        assert isinstance(now, Normal)
        return torch.randn_like(now.loc) * now.scale + now.loc
