"""Hashes of files, and of what they hold."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlib import _Hash


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_sha256(value: Any) -> str:
    """SHA-256 of tensors, texts and numbers in mappings and sequences, hexadecimal.

    Equal values have equal hashes, wherever the tensors are and however a file lays them out; the order of a mapping
    counts, its type and that of a sequence do not.

    Raises:
        TypeError: there is something else among them.
    """
    digest = hashlib.sha256()
    _add(digest, value)
    return digest.hexdigest()


def _add(digest: _Hash, value: Any) -> None:
    """Every item is preceded by its kind and size, so that no two values give the same bytes."""
    import torch

    if isinstance(value, torch.Tensor):
        _head(digest, f"tensor {value.dtype} {tuple(value.shape)}")
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    elif isinstance(value, Mapping):
        _head(digest, f"mapping {len(value)}")
        for key, item in value.items():
            _add(digest, key)
            _add(digest, item)
    elif isinstance(value, (list, tuple)):
        _head(digest, f"sequence {len(value)}")
        for item in value:
            _add(digest, item)
    elif isinstance(value, (str, bytes)):
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        _head(digest, f"{type(value).__name__} {len(data)}")
        digest.update(data)
    elif isinstance(value, float):  # All of its bits, those of NaN and -0 too.
        _head(digest, "float")
        digest.update(struct.pack("<d", value))
    elif value is None or isinstance(value, int):
        _head(digest, repr(value))
    else:
        raise TypeError(f"no hash of a {type(value).__name__}, expected tensors, texts and numbers")


def _head(digest: _Hash, text: str) -> None:
    digest.update(f"{text}\n".encode())
