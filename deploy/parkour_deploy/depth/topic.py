"""Depth from a DDS topic, rt/parkour/depth: another process's camera, or a simulated robot's."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from parkour_deploy.dds.network import participant
from parkour_deploy.depth.source import Picture, SourceContext
from parkour_deploy.errors import DeployError

_HEAD = struct.Struct("<IHHI")
"""Tick [ms], width, height, count of pixels; then uint16 millimetres along the rays, 0 for nothing measured."""


def encode_depth(tick: int, depth: np.ndarray) -> bytes:
    """The message of a picture ``[H, W]`` [m]."""
    millimetres = np.where(np.isfinite(depth), np.round(depth * 1000.0).clip(1, 65535), 0).astype("<u2")
    height, width = depth.shape
    return _HEAD.pack(tick, width, height, millimetres.size) + millimetres.tobytes()


def decode_depth(data: bytes, number: int) -> Picture:
    """The picture of a message.

    Raises:
        DeployError: its sizes do not agree.
    """
    if len(data) < _HEAD.size:
        raise DeployError(f"got a depth message of {len(data)} bytes, expected {_HEAD.size} and pixels")
    tick, width, height, count = _HEAD.unpack_from(data)
    if count != width * height or len(data) < _HEAD.size + 2 * count:
        raise DeployError(f"a depth message of {len(data)} bytes says {width} x {height} pixels and brings {count}")
    pixels = np.frombuffer(data, "<u2", count, _HEAD.size).reshape(height, width)
    return Picture(number, np.where(pixels > 0, pixels / 1000.0, np.nan), tick)


class TopicDepth:
    """See :class:`parkour_deploy.depth.source.DepthSource`."""

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._reader: Any = None
        self._picture: Picture | None = None
        self._count = 0

    def open(self) -> None:
        from parkour_deploy.dds.endpoints import NewestReader
        from parkour_deploy.dds.types import DEPTH, Depth

        part = participant(self._context.interface, self._context.domain)
        self._reader = NewestReader(part, DEPTH, Depth, reliable=True)

    def newest(self) -> Picture | None:
        data = self._reader.take()
        if data is not None:
            self._count += 1
            picture = decode_depth(data, self._count)
            camera = self._context.camera
            if picture.depth.shape != (camera.height, camera.width):
                height, width = picture.depth.shape
                raise DeployError(
                    f"rt/parkour/depth brings pictures of {width} x {height} pixels, expected the policy's "
                    f"{camera.width} x {camera.height}"
                )
            self._picture = picture
        return self._picture

    def close(self) -> None:
        self._reader = None
