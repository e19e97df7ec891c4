"""Bicubic resizing of many small pictures.

Torch's own kernel gives one thread to each pixel of the output and lets it go through all pictures in turn, which
leaves a GPU idle when there are thousands of small ones; here all pixels of all pictures are computed side by side.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SHARPNESS = -0.75
"""The parameter a of Keys' cubic convolution kernel (1981), as torch and OpenCV have it."""
SMOOTH = -0.5
"""The same with antialiasing, as torch and Pillow have it."""


class BicubicResize:
    """Cubic convolution; pixels are areas (``align_corners=False``).

    The same as ``torch.nn.functional.interpolate(mode="bicubic")``. Without antialiasing a new pixel is made of four
    old ones a side, borders are repeated. With it, where the picture shrinks, it is made of all that it covers, and
    what lies outside does not count.

    Args:
        before: rows and columns of the pictures.
        after: rows and columns wanted.
        device: where the pictures are.
        antialias: whether to smooth what shrinks.
    """

    def __init__(
        self, before: tuple[int, int], after: tuple[int, int], device: str | torch.device, antialias: bool = False
    ) -> None:
        taps = _smooth_taps if antialias else _taps
        self._taps = [None if old == new else taps(old, new, device) for old, new in zip(before, after, strict=True)]

    def __call__(self, pictures: Tensor) -> Tensor:
        """``[M, rows, columns]`` → ``[M, new rows, new columns]``."""
        for dim, taps in zip((1, 2), self._taps, strict=True):
            if taps is not None:
                pictures = _weighted(pictures, dim, *taps)
        return pictures


def _weighted(pictures: Tensor, dim: int, index: Tensor, weight: Tensor) -> Tensor:
    parts = [
        pictures.index_select(dim, index[tap]) * (weight[tap] if dim == 2 else weight[tap, :, None])
        for tap in range(len(index))
    ]
    while len(parts) > 1:
        # In pairs: the order in which four taps have always been added.
        added = [one + other for one, other in zip(parts[::2], parts[1::2], strict=False)]
        parts = [*added, *parts[2 * len(added) :]]
    return parts[0]


def _taps(old: int, new: int, device: str | torch.device) -> tuple[Tensor, Tensor]:
    """``[4, new]`` int64 indices and ``[4, new]`` weights of the old pixels in each new one."""
    position = (torch.arange(new, dtype=torch.float64) + 0.5) * (old / new) - 0.5
    nearest = position.floor()
    ahead = position - nearest
    index = torch.stack([nearest.long() + tap for tap in (-1, 0, 1, 2)]).clamp(0, old - 1)
    distances = torch.stack([1 + ahead, ahead, 1 - ahead, 2 - ahead])
    return index.to(device), _keys(distances, SHARPNESS).float().to(device)


def _smooth_taps(old: int, new: int, device: str | torch.device) -> tuple[Tensor, Tensor]:
    """The same with antialiasing: as many taps as a new pixel's kernel covers; those outside the picture weigh 0."""
    stretch = max(old / new, 1.0)
    middle = (torch.arange(new, dtype=torch.float64) + 0.5) * (old / new)
    first = (middle - 2 * stretch + 0.5).floor()
    offsets = torch.arange(math.ceil(4 * stretch) + 1, dtype=torch.float64)
    pixel = first + offsets[:, None]
    weight = _keys(((pixel + 0.5 - middle) / stretch).abs().clamp(max=2.0), SMOOTH)
    weight = weight * ((pixel >= 0) & (pixel < old))
    index = pixel.long().clamp(0, old - 1)
    return index.to(device), (weight / weight.sum(0)).float().to(device)


def _keys(x: Tensor, a: float) -> Tensor:
    """Weight of a pixel at distance ``x`` in [0, 2] pixels; ``a`` is the kernel's parameter."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, far)
