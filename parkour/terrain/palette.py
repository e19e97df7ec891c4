"""The colours of courses, the same in pictures, films and viewers: pits cool, obstacles the warmer the higher."""

from __future__ import annotations

import numpy as np

PALETTE = (
    (-1.0, "#2f3e55"),
    (-0.25, "#61758f"),
    (-0.02, "#8d9cac"),
    (0.0, "#e4e3dc"),
    (0.015, "#e4e3dc"),
    (0.02, "#e9dcc0"),
    (0.07, "#ecd2a2"),
    (0.25, "#f0b867"),
    (0.55, "#dd7f45"),
    (1.4, "#9b2f3c"),
)
"""Colours by height [m], in between in proportion."""


def height_colours(heights: np.ndarray) -> np.ndarray:
    """``[..., 3]`` uint8 red, green, blue of heights ``[...]`` [m]."""
    stops = np.array([height for height, _ in PALETTE])
    colours = np.array([[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for _, colour in PALETTE], float)
    parts = [np.interp(heights, stops, colours[:, channel]) for channel in range(3)]
    return np.stack(parts, axis=-1).round().astype(np.uint8)
