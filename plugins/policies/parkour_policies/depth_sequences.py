"""A depth encoder over the sequences of glimpses that a rollout's environments had."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from parkour_policies.depth_encoders import SplitDepthEncoder


@runtime_checkable
class SequenceEncoder(Protocol):
    """A split depth encoder that goes over a whole sequence faster than step by step."""

    def advance_all(self, features: Tensor, proprioception: Tensor, state: Tensor, begins: Tensor) -> Tensor:
        """What ``advance`` returns, called for one step after the other.

        Args:
            features: ``[G, n, …]``.
            proprioception: ``[G, n, P]``.
            state: ``[n, …]`` before the first step.
            begins: ``[G, n]`` bool: who begins with the initial state at a step.

        Returns:
            The latents ``[G, n, latent_dim]``.
        """
        ...


def advance_all(
    encoder: SplitDepthEncoder, features: Tensor, proprioception: Tensor, state: Tensor, begins: Tensor
) -> Tensor:
    """:meth:`SequenceEncoder.advance_all` of any split encoder."""
    if isinstance(encoder, SequenceEncoder):
        return encoder.advance_all(features, proprioception, state, begins)
    first, outputs = encoder.initial_state(len(state)), []
    for inputs, felt, begun in zip(features, proprioception, begins, strict=True):
        before = torch.where(like(begun, state), first, state)
        output, state = encoder.advance(inputs, felt, before)
        outputs.append(output)
    return torch.stack(outputs)


def like(mask: Tensor, values: Tensor) -> Tensor:
    """A mask ``[N, 1]`` with as many dimensions as ``values``."""
    return mask.view(-1, *[1] * (values.ndim - 1))
