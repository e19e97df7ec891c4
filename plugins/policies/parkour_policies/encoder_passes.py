"""A depth encoder over what a rollout saw: all of its images, and each environment's sequence of glimpses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

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
        before = torch.where(begun.view(-1, *[1] * (state.ndim - 1)), first, state)
        output, state = encoder.advance(inputs, felt, before)
        outputs.append(output)
    return torch.stack(outputs)


class CompiledCompress:
    """``compress`` of a split encoder, compiled by torch, in any precision of torch's autocast.

    Convolutions stay the library's; what is between them becomes few kernels, and images are kept with their channels
    last. Where it cannot be compiled it runs as it is written, and a line says why.

    Args:
        encoder: whose; its parameters are laid out anew in memory, their values stay.
        device: where it runs.
        dtype: of products and of what is kept for the backward pass; results are in single precision.
    """

    def __init__(self, encoder: SplitDepthEncoder, device: str, dtype: torch.dtype) -> None:
        self.failure: str | None = None
        self._kind, self._dtype = torch.device(device).type, dtype
        self._encoder = encoder
        module = cast("nn.Module", encoder)
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload] - what has four dimensions
        self._compiled: Callable[[Tensor], Tensor] = torch.compile(self._plain)
        self._parameters = [p for p in module.parameters() if p.requires_grad]
        self._tried = False

    def __call__(self, images: Tensor) -> Tensor:
        """Features ``[M, …]`` of images ``[M, H, W]``."""
        if not self._tried:
            self._try(images)
        if self.failure is not None:
            return self._plain(images)
        return self._compiled(_any_number(images))

    def _plain(self, images: Tensor) -> Tensor:
        with torch.autocast(self._kind, dtype=self._dtype, enabled=self._dtype is not torch.float32):
            return self._encoder.compress(images).float()

    def _try(self, images: Tensor) -> None:
        """Compile both passes, on few images: a failure in the middle of an update would leave half of one."""
        self._tried = True
        try:
            with torch.enable_grad():
                features = self._compiled(_any_number(images[:4].clone()))
                if features.requires_grad:
                    torch.autograd.grad(features.sum(), self._parameters, allow_unused=True)
        except Exception as error:  # noqa: BLE001 - whatever a compiler, or a missing one, may say
            self.failure = str(error).strip().splitlines()[0]
            print(f"[INFO] the depth encoder is not compiled: {self.failure}", file=sys.stderr)


def _any_number(images: Tensor) -> Tensor:
    """Compile for any number of them."""
    torch._dynamo.mark_dynamic(images, 0)
    return images
