"""Arrays of strangers: what an ``.npz`` or ``.npy`` file says of its sizes is compared before any of them is read.

A file of a few bytes can claim an array of terabytes, and a compressed one can hold a thousand times its own size.
"""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from parkour_deploy.reading import check_file

LARGEST = 2 << 30
"""Bytes of all arrays of a file, unpacked."""
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class MalformedArraysError(ValueError):
    """A file that is none, is damaged, or claims more than it holds; says so in one line."""


def read_arrays(path: Path, only: str | None = None) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file by name, or that of an ``.npy`` file under the name ``only``.

    Args:
        path: of the file.
        only: the one array that is wanted; all when None.

    Raises:
        OSError: it cannot be read.
        MalformedArraysError: it is neither, is damaged, lacks the one that is wanted, or unpacks to more than
            :data:`LARGEST`.
    """
    try:
        check_file(path)
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                file.seek(0)
                return {only or "": _array(file, os.fstat(file.fileno()).st_size)}
            file.seek(0)
            return _unpacked(file, only)
    except (OSError, MalformedArraysError):
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many types for damaged files, none of them their own.
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise MalformedArraysError(f"no .npz or .npy file, or damaged ({reason})") from None


def _unpacked(file: IO[bytes], only: str | None) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        members = {info.filename[: -len(".npy")]: info for info in archive.infolist() if info.filename.endswith(".npy")}
        if only is not None:
            if only not in members:
                raise MalformedArraysError(
                    f"got the arrays {', '.join(sorted(members)[:8]) or 'none'}, expected {only!r}"
                )
            members = {only: members[only]}
        # zipfile gives no more than a member says of itself, whatever is packed into it.
        total = sum(info.file_size for info in members.values())
        if total > LARGEST:
            raise MalformedArraysError(f"got {total:,} bytes of arrays unpacked, expected at most {LARGEST:,}")
        found: dict[str, np.ndarray] = {}
        for name, info in members.items():
            with archive.open(info) as member:
                found[name] = _array(member, info.file_size)
        return found


def _array(file: IO[bytes], size: int) -> np.ndarray:
    """The array of a stream of ``size`` bytes."""
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise MalformedArraysError(f"got version {version} of numpy's format, expected (1, 0) or (2, 0)")
    shape, by_column, dtype = _HEADERS[version](file)
    kind: Any = dtype
    if kind.hasobject or kind.names is not None or kind.subdtype is not None:
        raise MalformedArraysError(f"got an array of {kind}, expected one of numbers or text")
    claimed, held = math.prod(shape) * kind.itemsize, size - file.tell()
    if claimed != held or any(side < 0 for side in shape):
        raise MalformedArraysError(f"got {held:,} bytes for an array of shape {shape}, expected {claimed:,}")
    content = file.read(held)
    if len(content) != held:
        raise MalformedArraysError(f"got {len(content):,} bytes for an array of shape {shape}, expected {claimed:,}")
    return np.frombuffer(content, dtype=kind).reshape(shape, order="F" if by_column else "C").copy()
