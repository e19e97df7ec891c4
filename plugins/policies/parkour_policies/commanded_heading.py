"""Whether a robot's heading is commanded from outside, as on flat ground, where a camera sees no way points."""

from __future__ import annotations

from torch import Tensor


def heading_is_commanded(proprioception: Tensor, columns: Tensor) -> Tensor:
    """``[…, 1]`` bool: whether one of the ``columns`` of the proprioception ``[…, P]`` is 1."""
    return (proprioception.index_select(-1, columns) > 0.5).any(dim=-1, keepdim=True)
