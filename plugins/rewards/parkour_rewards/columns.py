"""Picking columns by index without leaving the device."""

from __future__ import annotations

import torch
from torch import Tensor


def columns(values: Tensor, indices: tuple[int, ...]) -> Tensor:
    """``values[:, indices]`` for ``values`` ``[N, C, …]``.

    Indexing with a list would copy an index tensor from the host at every step, and wait for it.
    """
    if not indices:
        return values[:, :0]
    first, last = indices[0], indices[-1]
    if indices == tuple(range(first, last + 1)):
        return values[:, first : last + 1]
    return torch.stack([values[:, index] for index in indices], dim=1)
