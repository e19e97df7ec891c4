"""Linear layers for numbers of inputs that a GPU does not like."""

from __future__ import annotations

from rsl_rl.models import MLPModel
from torch import Tensor, nn
from torch.nn import functional

ALIGNMENT = 4
"""Rows of single-precision numbers that begin at multiples of 16 bytes are what tensor cores read at once."""


class AlignedLinear(nn.Linear):
    """A linear layer that on a GPU pads inputs and weights with zeros; the same numbers and the same parameters."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        self.extra = -layer.in_features % ALIGNMENT

    def forward(self, input: Tensor) -> Tensor:
        if self.extra > 0 and input.is_cuda:
            return self.padded(input)
        return functional.linear(input, self.weight, self.bias)

    def padded(self, input: Tensor) -> Tensor:
        """The same with zeros behind the inputs."""
        padding = [0, self.extra]
        return functional.linear(functional.pad(input, padding), functional.pad(self.weight, padding), self.bias)


def align_first(mlp: nn.Sequential) -> None:
    """Give an MLP an aligned first layer, the one whose width nobody chose."""
    first = mlp[0]
    assert isinstance(first, nn.Linear)
    mlp[0] = AlignedLinear(first)


class Critic(MLPModel):
    """rsl-rl's MLP with an aligned first layer."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        align_first(self.mlp)
