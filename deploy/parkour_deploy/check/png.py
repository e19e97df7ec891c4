"""A grey picture as PNG, with what Python brings."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from parkour_deploy.files import whole_file


def write_png(path: Path, grey: np.ndarray) -> Path:
    """Write ``[H, W]`` uint8."""
    height, width = grey.shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(grey, np.uint8))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (("IHDR", head), ("IDAT", zlib.compress(rows)), ("IEND", b""))
    with whole_file(path) as part:
        part.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts))
    return path


def _chunk(name: str, data: bytes) -> bytes:
    body = name.encode() + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
