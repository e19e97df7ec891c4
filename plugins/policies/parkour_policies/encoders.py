"""Encoders: factories ``(input_shape, latent_dim, **params)`` of modules ``[N, *input_shape] → [N, latent_dim]``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from parkour import Params, param
from parkour.params import within

Activation = Literal["elu", "relu", "selu", "tanh", "silu", "gelu", "identity"]

Widths = Annotated[tuple[int, ...], within(1, 16_384), Field(max_length=32)]
"""Of the layers of a network, one after the other."""
Kernels = Annotated[tuple[int, ...], within(1, 64), Field(max_length=32)]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "relu": nn.ReLU,
    "selu": nn.SELU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "identity": nn.Identity,
}


class ScanMlpParams(Params):
    hidden_dims: Widths = (128, 64)
    """Widths of the hidden layers."""
    activation: Activation = "elu"
    """Between the layers; the output is a tanh."""


class PrivilegedMlpParams(Params):
    hidden_dims: Widths = (64,)
    """Widths of the hidden layers."""
    activation: Activation = "elu"
    """After every layer, the last one included."""


class HistoryConvParams(Params):
    frame_dim: int = param(30, ge=1, le=16_384)
    """Width to which each time step is projected first."""
    channels: Widths = (20, 10)
    """Output channels of the convolutions over time."""
    kernels: Kernels = (4, 2)
    """Kernel sizes [time steps]."""
    strides: Kernels = (2, 1)
    """Strides [time steps]."""
    activation: Activation = "elu"
    """After every layer, the last one included."""


def make_activation(name: str) -> nn.Module:
    """An activation module by its name."""
    return _ACTIVATIONS[name]()


def make_mlp(dims: Sequence[int], activation: str, last: str = "identity") -> nn.Sequential:
    """Linear layers of widths ``dims`` with ``activation`` between them and ``last`` after the last one."""
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise(dims)):
        layers.append(nn.Linear(a, b))
        name = last if i == len(dims) - 2 else activation
        if name != "identity":
            layers.append(make_activation(name))
    return nn.Sequential(*layers)


def scan_mlp(
    input_shape: Sequence[int], latent_dim: int, hidden_dims: Sequence[int] = (128, 64), activation: str = "elu"
) -> nn.Module:
    """Height scan ``[N, S]`` to a latent in (-1, 1) ``[N, latent_dim]``."""
    return make_mlp((prod(input_shape), *hidden_dims, latent_dim), activation, last="tanh")


def privileged_mlp(
    input_shape: Sequence[int], latent_dim: int, hidden_dims: Sequence[int] = (64,), activation: str = "elu"
) -> nn.Module:
    """Privileged constants ``[N, P]`` to a latent ``[N, latent_dim]``, in the range of the activation."""
    return make_mlp((prod(input_shape), *hidden_dims, latent_dim), activation, last=activation)


class HistoryConv(nn.Module):
    """Convolutions over the last ``T`` frames of ``D`` numbers, oldest first: ``[N, T, D]`` to ``[N, latent_dim]``."""

    def __init__(
        self,
        frames: int,
        width: int,
        latent_dim: int,
        frame_dim: int,
        channels: Sequence[int],
        kernels: Sequence[int],
        strides: Sequence[int],
        activation: str,
    ) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(width, frame_dim), make_activation(activation))
        layers: list[nn.Module] = []
        inputs, length = frame_dim, frames
        for outputs, kernel, stride in zip(channels, kernels, strides, strict=True):
            if length < kernel:
                raise ValueError(f"a history of {frames} frames is too short for kernels {tuple(kernels)}")
            layers += [nn.Conv1d(inputs, outputs, kernel, stride), make_activation(activation)]
            inputs, length = outputs, (length - kernel) // stride + 1
        self.conv_layers = nn.Sequential(*layers, nn.Flatten())
        self.linear_output = nn.Sequential(nn.Linear(inputs * length, latent_dim), make_activation(activation))

    def forward(self, history: Tensor) -> Tensor:
        frames = self.encoder(history)
        return self.linear_output(self.conv_layers(frames.transpose(1, 2)))


def history_conv(
    input_shape: Sequence[int],
    latent_dim: int,
    frame_dim: int = 30,
    channels: Sequence[int] = (20, 10),
    kernels: Sequence[int] = (4, 2),
    strides: Sequence[int] = (2, 1),
    activation: str = "elu",
) -> nn.Module:
    """The RMA adaptation module: history ``[N, T, D]`` to a latent ``[N, latent_dim]``."""
    frames, width = input_shape
    return HistoryConv(frames, width, latent_dim, frame_dim, channels, kernels, strides, activation)


@torch.no_grad()
def output_shape(encoder: nn.Module, input_shape: Sequence[int], batch: int = 2) -> tuple[int, ...]:
    """What ``encoder`` returns for a batch of zeros of ``input_shape``."""
    return tuple(encoder(torch.zeros(batch, *input_shape)).shape)
