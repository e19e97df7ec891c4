"""What becomes of a depth picture before a policy sees it."""

from __future__ import annotations

import math
from typing import Any, Mapping

import numpy as np

from parkour_deploy.contract import Camera
from parkour_deploy.errors import ContractError
from parkour_deploy.tables import Table

KEYS = -0.75
"""Parameter of the bicubic kernel."""
SMOOTH_KEYS = -0.5
"""The same with antialiasing."""
MIDDLE = -0.5
"""Added to what lies between 0 and 1."""


class DepthPicture:
    """Crops, resizes bicubically and normalises to distance / range − 0.5, as the group ``depth`` does it.

    Args:
        camera: that the policy was trained with.
        params: of the group.

    Raises:
        ContractError: a parameter is missing or makes no picture.
    """

    def __init__(self, camera: Camera, params: Mapping[str, Any]) -> None:
        table = Table(params, "depth")
        top, bottom, sides = (table.whole(key, most=4096) for key in ("crop_top", "crop_bottom", "crop_sides"))
        height, width = (table.whole(key, least=1, most=4096) for key in ("height", "width"))
        if top + bottom >= camera.height or 2 * sides >= camera.width:
            raise ContractError(f"depth: nothing is left of {camera.width} x {camera.height} pixels when it is cropped")
        self._window = slice(top, camera.height - bottom), slice(sides, camera.width - sides)
        weights = smooth_bicubic if params.get("antialias", False) else bicubic  # earlier exports do not say
        self._rows = weights(camera.height - top - bottom, height)
        self._columns = weights(camera.width - 2 * sides, width)
        self._range = camera.range

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """``[height, width]`` from distances along the rays ``[H, W]`` [m].

        What is no number is taken for far away: a hole in the picture must not blind the policy.
        """
        cut = np.where(np.isfinite(raw), raw, self._range)[self._window].clip(0.0, self._range)
        return self._rows @ cut @ self._columns.T / self._range + MIDDLE


class FrameDelay:
    """Pictures some frames late; the first of an episode is seen at once, and again at the next frame.

    Args:
        latency: frames.
    """

    def __init__(self, latency: int) -> None:
        self._count = latency + 1
        self._frames: list[np.ndarray] = []

    def reset(self) -> None:
        """A new episode begins."""
        self._frames = []

    def push(self, frame: np.ndarray) -> None:
        """A new picture."""
        self._frames = [*self._frames[1:], frame] if self._frames else [frame] * self._count

    @property
    def visible(self) -> np.ndarray:
        """The picture that the policy sees now."""
        return self._frames[0]


def bicubic(old: int, new: int) -> np.ndarray:
    """``[new, old]`` weights of cubic convolution (Keys, 1981); borders are repeated, pixels are areas."""
    weights = np.zeros((new, old))
    for row in range(new):
        position = (row + 0.5) * old / new - 0.5
        first = math.floor(position) - 1
        for tap in range(first, first + 4):
            weights[row, min(max(tap, 0), old - 1)] += _keys(abs(position - tap), KEYS)
    return weights


def smooth_bicubic(old: int, new: int) -> np.ndarray:
    """The same with antialiasing: where pictures shrink, all that a new pixel covers counts, and nothing outside."""
    stretch = max(old / new, 1.0)
    middles = (np.arange(new) + 0.5) * old / new
    distances = np.abs(np.arange(old) + 0.5 - middles[:, None]) / stretch
    weights = np.array([[_keys(distance, SMOOTH_KEYS) for distance in row] for row in distances])
    return weights / weights.sum(axis=1, keepdims=True)


def _keys(distance: float, a: float) -> float:
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    return a * (distance**3 - 5 * distance**2 + 8 * distance - 4) if distance < 2 else 0.0
