"""Uniform draws on the simulator's device, from torch's global generator."""

from __future__ import annotations

import torch
from torch import Tensor


def uniform(shape: tuple[int, ...], bounds: tuple[float, float], like: Tensor) -> Tensor:
    """U(bounds) of ``shape``, float32, on the device of ``like``."""
    low, high = bounds
    return torch.empty(shape, device=like.device).uniform_(low, high)
