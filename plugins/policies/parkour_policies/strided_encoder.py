"""A small depth encoder of strided convolutions, made for the time that training takes and for the robot's memory.

Of a gradient step through ``depth_gru`` most goes to its first layers, which write 32 and 64 channels at nearly the
resolution of the image. Here a block of pixels becomes the channels of one position first (space to depth, which loses
nothing), and every layer after the first halves the resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from parkour import Params, param
from parkour_policies.depth_encoders import DepthGru
from parkour_policies.encoders import Activation, Widths, make_activation

KERNEL = 3
"""Kernel size of all convolutions, padded by one."""


class DepthStridedGruParams(Params):
    block: int = param(
        4, ge=1, le=64, doc="Side of the square of pixels that becomes the channels of one position [pixels]."
    )
    channels: Widths = (64, 64, 128)
    """Output channels of the convolutions; all but the first halve height and width."""
    frame_latent: int = param(128, ge=1, le=16_384, doc="Size of an encoded image.")
    combination_dims: Widths = (128,)
    """Widths of the layers that join image and proprioception."""
    memory: int = param(384, ge=1, le=16_384, doc="Size of the recurrent state.")
    activation: Activation = "elu"
    """After every layer but the last, whose output is a tanh."""


class StridedCnn(nn.Module):
    """Images ``[N, H, W]`` to ``[N, latent_dim]``: space to depth, strided convolutions and a linear layer.

    Raises:
        ValueError: there is no convolution.
    """

    def __init__(
        self, image_shape: Sequence[int], latent_dim: int, block: int, channels: Sequence[int], activation: str
    ) -> None:
        super().__init__()
        if not channels:
            raise ValueError("channels: got none, expected at least one convolution")
        self.block = block
        height, width = (-(-size // block) for size in image_shape)
        self.margins = (0, width * block - image_shape[1], 0, height * block - image_shape[0])
        """Zeros to the right and below, so that blocks fit."""
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(pairwise((block * block, *channels))):
            stride = 1 if index == 0 else 2
            layers += [nn.Conv2d(inputs, outputs, KERNEL, stride, padding=1), make_activation(activation)]
            height, width = (-(-size // stride) for size in (height, width))
        self.convolutions = nn.Sequential(*layers)
        self.linear = nn.Linear(channels[-1] * height * width, latent_dim)
        self.output_activation = make_activation(activation)

    def forward(self, depth: Tensor) -> Tensor:
        shown = self.convolutions(space_to_depth(functional.pad(depth, self.margins), self.block))
        return self.output_activation(self.linear(shown.flatten(1)))


def space_to_depth(images: Tensor, block: int) -> Tensor:
    """Images ``[N, H, W]`` as ``[N, block², H / block, W / block]``, channels last in memory, as tensor cores read."""
    height, width = (size // block for size in images.shape[-2:])
    blocks = images.reshape(-1, height, block, width, block).permute(0, 1, 3, 2, 4)
    return blocks.reshape(-1, height, width, block * block).permute(0, 3, 1, 2)


def depth_strided_gru(
    input_shape: Sequence[int],
    latent_dim: int,
    block: int = 4,
    channels: Sequence[int] = (64, 64, 128),
    frame_latent: int = 128,
    combination_dims: Sequence[int] = (128,),
    memory: int = 384,
    activation: str = "elu",
) -> nn.Module:
    """Images ``[N, H, W]``, proprioception ``[N, P]`` and a state to a latent in (-1, 1) and the next state."""
    *image_shape, proprioception = input_shape
    backbone = StridedCnn(image_shape, frame_latent, block, channels, activation)
    return DepthGru(
        proprioception, latent_dim, backbone, frame_latent, combination_dims, memory, activation, past_memory=True
    )
