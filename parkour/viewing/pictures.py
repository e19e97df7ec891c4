"""Pictures put together: depth in colours, tiles, insets, captions. ``[height, width, 3]`` uint8 arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

GAP = 2
"""Pixels between tiles."""


@lru_cache(maxsize=1)
def _colours() -> np.ndarray:
    """``[256, 3]`` uint8, near to far."""
    from matplotlib import colormaps

    return (colormaps["viridis_r"](np.linspace(0.0, 1.0, 256))[:, :3] * 255).round().astype(np.uint8)


def colour_depth(image: np.ndarray) -> np.ndarray:
    """A depth image ``[H, W]`` in [0, 1], near to far, in colours."""
    index = (np.nan_to_num(image, nan=1.0).clip(0.0, 1.0) * 255).round().astype(np.uint8)
    return _colours()[index]


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """Every pixel as a square of ``factor`` pixels."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def tile(images: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures of one size in a grid that is about as wide as high, row by row."""
    height, width = images[0].shape[:2]
    columns = max(1, math.ceil(math.sqrt(len(images) * height / width)))
    rows = math.ceil(len(images) / columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 30, np.uint8)
    for index, image in enumerate(images):
        top, left = (index // columns) * (height + GAP), (index % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet


def places(count: int, size: tuple[int, int]) -> tuple[tuple[int, int], list[tuple[int, int]]]:
    """How ``count`` pictures share one of ``size`` (width, height): side by side up to three, then in rows.

    Returns:
        Width and height of each, even; left and top of each.
    """
    columns = count if count <= 3 else math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    wide, high = size[0] // columns // 2 * 2, size[1] // rows // 2 * 2
    return (wide, high), [(index % columns * wide, index // columns * high) for index in range(count)]


def depth_sheet(images: np.ndarray, width: int, labels: Sequence[str] = ()) -> np.ndarray:
    """Depth images ``[M, H, W]`` in colours, side by side, enlarged or thinned out to at most ``width`` pixels.

    With ``labels``, each image says in its corner what it is.
    """
    sheet = tile([colour_depth(image) for image in images])
    if sheet.shape[1] > width:
        return sheet[:: (step := math.ceil(sheet.shape[1] / width)), ::step]
    factor = max(1, width // sheet.shape[1])
    sheet = enlarge(sheet, factor)
    return _labelled(sheet, images.shape[1:], factor, labels) if labels else sheet


def _labelled(sheet: np.ndarray, size: tuple[int, ...], factor: int, labels: Sequence[str]) -> np.ndarray:
    """The sheet with a word in the upper left corner of each image, cut to the image's width."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(sheet)
    draw = ImageDraw.Draw(image, "RGBA")
    high, wide = (factor * side for side in size)
    font = ImageFont.load_default(size=max(9, min(13, high // 6)))
    columns = (sheet.shape[1] + factor * GAP) // (wide + factor * GAP)
    for index, label in enumerate(labels):
        left, top = (index % columns) * (wide + factor * GAP), (index // columns) * (high + factor * GAP)
        while label and draw.textlength(label, font=font) > wide - 6:
            label = label[:-1]
        box = draw.textbbox((left + 3, top + 2), label, font=font)
        draw.rectangle((left, top, box[2] + 3, box[3] + 2), fill=(0, 0, 0, 150))
        draw.text((left + 3, top + 2), label, font=font, fill=(255, 255, 255, 255))
    return np.asarray(image)


def inset(picture: np.ndarray, small: np.ndarray, margin: int = 12) -> np.ndarray:
    """``picture`` with ``small`` in its lower right corner, in a thin frame; cut where it is too large."""
    picture = picture.copy()
    height, width = (
        min(size, room - 2 * margin) for size, room in zip(small.shape[:2], picture.shape[:2], strict=True)
    )
    top, left = picture.shape[0] - margin - height, picture.shape[1] - margin - width
    picture[top - 2 : top + height + 2, left - 2 : left + width + 2] = 235
    picture[top : top + height, left : left + width] = small[:height, :width]
    return picture


def caption(picture: np.ndarray, text: str) -> np.ndarray:
    """``picture`` with a line of text in its upper left corner."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image, "RGBA")
    size = max(12, picture.shape[0] // 32)
    font = ImageFont.load_default(size=size)
    # Narrow pictures have smaller letters, so that the line ends in sight.
    while size > 8 and draw.textlength(text, font=font) > picture.shape[1] - 28:
        size -= 1
        font = ImageFont.load_default(size=size)
    left, top, right, bottom = draw.textbbox((14, 10), text, font=font)
    draw.rectangle((left - 6, top - 4, right + 6, bottom + 4), fill=(0, 0, 0, 130))
    draw.text((14, 10), text, font=font, fill=(255, 255, 255, 255))
    return np.asarray(image)
