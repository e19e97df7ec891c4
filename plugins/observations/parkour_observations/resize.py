"""Bicubic resizing of many small pictures.

Torch's own kernel gives one thread to each pixel of the output and lets it go through all pictures in turn, which
leaves a GPU idle when there are thousands of small ones; here all pixels of all pictures are computed side by side.
"""

from __future__ import annotations

import torch
from torch import Tensor

SHARPNESS = -0.75
"""The parameter a of Keys' cubic convolution kernel (1981), as torch and OpenCV have it."""


class BicubicResize:
    """Cubic convolution without antialiasing; pixels are areas (``align_corners=False``), borders are repeated.

    The same as ``torch.nn.functional.interpolate(mode="bicubic", antialias=False)``.

    Args:
        before: rows and columns of the pictures.
        after: rows and columns wanted.
        device: where the pictures are.
    """

    def __init__(self, before: tuple[int, int], after: tuple[int, int], device: str | torch.device) -> None:
        self._taps = [
            None if old == new else _taps(old, new, device) for old, new in zip(before, after, strict=True)
        ]  # fmt: skip

    def __call__(self, pictures: Tensor) -> Tensor:
        """``[M, rows, columns]`` → ``[M, new rows, new columns]``."""
        for dim, taps in zip((1, 2), self._taps, strict=True):
            if taps is not None:
                pictures = _weighted(pictures, dim, *taps)
        return pictures


def _weighted(pictures: Tensor, dim: int, index: Tensor, weight: Tensor) -> Tensor:
    parts = [
        pictures.index_select(dim, index[tap]) * (weight[tap] if dim == 2 else weight[tap, :, None]) for tap in range(4)
    ]
    return (parts[0] + parts[1]) + (parts[2] + parts[3])


def _taps(old: int, new: int, device: str | torch.device) -> tuple[Tensor, Tensor]:
    """``[4, new]`` int64 indices and ``[4, new]`` weights of the old pixels in each new one."""
    position = (torch.arange(new, dtype=torch.float64) + 0.5) * (old / new) - 0.5
    nearest = position.floor()
    ahead = position - nearest
    index = torch.stack([nearest.long() + tap for tap in (-1, 0, 1, 2)]).clamp(0, old - 1)
    distances = torch.stack([1 + ahead, ahead, 1 - ahead, 2 - ahead])
    return index.to(device), _keys(distances).float().to(device)


def _keys(x: Tensor) -> Tensor:
    """Weight of a pixel at distance ``x`` in [0, 2] pixels."""
    a = SHARPNESS
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, far)
