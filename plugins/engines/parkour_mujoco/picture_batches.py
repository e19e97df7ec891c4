"""Who takes a picture between two perception steps, in batches of a few fixed sizes, as CUDA graphs need them.

Robots that begin an episode take one at once, and how many they are differs from step to step. Only the host can choose
among graphs, so it has to know; but it need not wait while the device has nothing to do. The question is queued as soon
as it can be answered, other work behind it, and the answer is read when that has been queued.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SIZES = (0, 32, 256, 1024)
"""Of batches. Each has a graph; with more robots than fit into any, the step runs without."""


class PictureBatches:
    """Batches of those of ``N`` robots that begin an episode.

    Args:
        num_envs: ``N``.
        device: where robots are.
        sizes: of batches, from small to large; those that are not below ``N`` are left out.
    """

    def __init__(self, num_envs: int, device: str | torch.device, sizes: Sequence[int] = SIZES) -> None:
        self._sizes = [size for size in sizes if size < num_envs]
        on_gpu = torch.device(device).type == "cuda"
        self._count = torch.zeros((), dtype=torch.int64, pin_memory=on_gpu)
        self._answered = torch.cuda.Event() if on_gpu else None
        self._order: Tensor | None = None

    def ask(self, begun: Tensor) -> None:
        """Queue the question who begins, ``[N]`` bool."""
        self._order = begun.to(torch.uint8).sort(descending=True, stable=True).indices
        self._count.copy_(begun.sum(), non_blocking=True)
        if self._answered is not None:
            self._answered.record()

    def answer(self) -> tuple[Tensor, Tensor] | None:
        """What was asked last, once.

        Returns:
            ``[C]`` int64: those who begin, in order, and others, so that they are as many as a batch has; ``[M]``
            int64: those who begin. None: they are more than any batch holds, or nobody has asked.
        """
        order, self._order = self._order, None
        if order is None:
            return None
        if self._answered is not None:
            self._answered.synchronize()
        count = int(self._count)
        size = next((size for size in self._sizes if size >= count), None)
        return None if size is None else (order[:size], order[:count])
