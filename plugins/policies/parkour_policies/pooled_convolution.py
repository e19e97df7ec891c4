"""A convolution of one-channel images and the max-pooling after it as one matrix product, for training.

A convolution of one channel leaves tensor cores idle, its output at the full resolution is the largest tensor of a
depth encoder, and pooling's backward pass scatters into all of it. Here the pixels under one window of the pooling
become a row (space to depth: for 5 x 5 kernels and windows of 2 x 2 its 6 x 6 pixels), and one product gives all
outputs of the window, over which the greatest is taken.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

ALIGNMENT = 8
"""Rows are padded to a multiple of this, which tensor cores ask for in half precision."""
LARGEST_POOL = 4
"""Largest windows [pixels]."""
WASTE = 2.0
"""Most multiplications that still pay, by zeros included, over those of the convolution."""


def pays(kernel: int, pool: int) -> bool:
    """Whether a row of all pixels under a window is not much longer than the kernel."""
    return pool <= LARGEST_POOL and (kernel + pool - 1) ** 2 <= WASTE * kernel**2


def pooled_convolution(images: Tensor, weight: Tensor, bias: Tensor, pool: int) -> Tensor:
    """``max_pool2d(conv2d(images.unsqueeze(1), weight, bias), pool)``, channels last; equal up to rounding.

    Where several outputs of a window are the greatest, they share the gradient. Outputs of equal pixels are, and their
    shares add up to the same gradient of the weights.

    Args:
        images: ``[N, H, W]``.
        weight: ``[C, 1, kernel, kernel]``.
        bias: ``[C]``.
        pool: side of the windows [pixels].

    Returns:
        ``[N, h, w, C]``, in autocast's precision where that is on.
    """
    kernel = weight.shape[-1]
    height, width = ((size - kernel + 1) // pool for size in images.shape[1:])
    rows = _rows(images, kernel + pool - 1, pool, (height, width))
    matrix = _matrix(weight, bias, pool, rows.shape[-1])
    # Image by image, although the matrix is the same: the sum over all rows that is the weights' gradient has so many
    # terms, and so few results, that a GPU would be idle in one product.
    outputs = torch.bmm(rows, matrix.t().expand(len(rows), -1, -1))
    greatest: Any = _Greatest.apply(outputs.unflatten(-1, (pool * pool, -1)))
    return greatest.unflatten(1, (height, width))


def _rows(images: Tensor, side: int, stride: int, shape: tuple[int, int]) -> Tensor:
    """``[N, h * w, K]``: under each window ``side²`` pixels, a 1 for the bias, and zeros."""
    kind, pixels = images.device.type, side * side
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else images.dtype
    windows = images.unfold(1, side, stride).unfold(2, side, stride)
    width = -(-(pixels + 1) // ALIGNMENT) * ALIGNMENT
    rows = torch.empty(len(images), *shape, width, dtype=dtype, device=images.device)
    rows[..., :pixels].unflatten(-1, (side, side)).copy_(windows)
    rows[..., pixels], rows[..., pixels + 1 :] = 1.0, 0.0
    return rows.flatten(1, 2)


def _matrix(weight: Tensor, bias: Tensor, pool: int, width: int) -> Tensor:
    """``[pool² * C, K]``: the kernel at each place of a window, its bias, and zeros."""
    ends = [(first, pool - 1 - first) for first in range(pool)]
    places = torch.stack([functional.pad(weight[:, 0], (*left, *top)) for top in ends for left in ends])
    kernels = torch.cat((places.flatten(2), bias.expand(pool * pool, -1).unsqueeze(-1)), dim=-1)
    return functional.pad(kernels, (0, width - kernels.shape[-1])).flatten(0, 1)


class _Greatest(torch.autograd.Function):
    """``values.amax(-2)``, with a backward pass of as few bytes as can be: it is memory that takes the time."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        greatest = values.amax(-2)
        ctx.save_for_backward(values, greatest)
        return greatest

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Tensor:
        (grad,), (values, greatest) = grads, ctx.saved_tensors
        winners = values == greatest.unsqueeze(-2)
        # A sum of booleans would first make them numbers of eight bytes.
        share = grad / reduce(torch.add, winners.view(torch.uint8).unbind(-2))
        return torch.where(winners, share.unsqueeze(-2), share.new_zeros(()))
