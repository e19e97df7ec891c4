"""The estimator: what a robot can tell of its privileged state from its own senses."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from parkour_policies.encoders import make_mlp


def make_estimator(input_dim: int, output_dim: int, hidden_dims: Sequence[int], activation: str) -> nn.Sequential:
    """Proprioception ``[N, input_dim]`` to the explicit privileged block ``[N, output_dim]``, linear at the end."""
    return make_mlp((input_dim, *hidden_dims, output_dim), activation)
