"""Which numbers of a depth image a network is shown."""

from __future__ import annotations

import torch
from torch import Tensor

FAR = 0.5
"""What a pixel reads in which nothing is within the camera's range."""
DEPTH_LIMITS = (-1.0, 1.0)
"""No picture leaves these: bicubic resizing overshoots by less."""


def legible(depth: Tensor) -> Tensor:
    """The images, where a pixel that is no finite number is far away, within :data:`DEPTH_LIMITS`.

    One such pixel would reach the recurrent state, which carries it on and blinds the policy for good.
    """
    return torch.nan_to_num(depth, nan=FAR, posinf=FAR, neginf=FAR).clamp(*DEPTH_LIMITS)
