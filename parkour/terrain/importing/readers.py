"""Height maps and meshes from files: PNG, NPY, STL, OBJ.

Nothing that such a file says is followed: no material, texture or other file that a mesh names is opened.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from parkour.errors import TerrainError
from parkour.terrain.importing.surface import MOST_CELLS, Surface, check_cells, surface_of_triangles
from parkour_deploy.arrays import MalformedArraysError, read_arrays

if TYPE_CHECKING:
    import PIL.Image

LARGEST = 256 << 20
"""Bytes of a file."""
MOST_TRIANGLES = 5_000_000
LESS_GROUND = "a file of a smaller piece of ground, or of samples further apart (--spacing)"
AS_GREY = "save it in shades of grey, without transparency; 16 bits keep heights finer than 8"
BIT_DEPTH = 24
"""Place of the bits of a sample in a PNG file."""
Up = Literal["x", "y", "z"]


@dataclass(frozen=True)
class Scales:
    """What the numbers of a file mean."""

    spacing: float = 0.05
    """Height maps: from sample to sample [m]."""
    height: float = 1.0
    """PNG: from black to white [m]. NPY: what 1 is [m]."""
    scale: float = 1.0
    """Meshes: length of their unit [m]."""
    up: Up = "z"
    """Meshes: the axis that points up."""


def read_surface(path: Path, scales: Scales, cell: float) -> Surface:
    """The surface in a file, in its own place and height.

    Args:
        path: ``.png``, ``.npy``, ``.stl`` or ``.obj``.
        scales: what its numbers mean.
        cell: side of the cells in which a mesh is seen from above [m].

    Raises:
        TerrainError: it cannot be read, is of another kind, or holds what is no surface.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise TerrainError(f"got {path.name!r}, expected a file that ends in {', '.join(_READERS)}")
    try:
        if not path.is_file():
            raise TerrainError(f"there is no file {str(path)!r}")
        if path.stat().st_size > LARGEST:
            raise TerrainError(f"{path.name}: got {path.stat().st_size:,} bytes, expected at most {LARGEST:,}")
        surface = reader(path, scales, cell)
    except OSError as error:
        raise TerrainError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    if not np.isfinite(surface.heights).all():
        count = int((~np.isfinite(surface.heights)).sum())
        raise TerrainError(f"{path.name}: got {count} heights that are NaN or infinite, expected finite ones")
    return surface


def _png(path: Path, scales: Scales, cell: float) -> Surface:
    """Columns from left to right are x, rows from bottom to top y."""
    import PIL.Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            opened = PIL.Image.open(path, formats=["PNG"])
        with opened as image:
            check_cells(image.size, scales.spacing, LESS_GROUND)
            grey = _grey(path, image) if image.mode in ("RGB", "RGBA", "P", "LA", "PA") else image
            values = np.asarray(grey, dtype=np.float64)
            white = 1.0 if grey.mode == "1" else 255.0 if grey.mode == "L" else 65535.0
    except TerrainError:
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        most = f"expected at most {MOST_CELLS:,} pixels"
        raise TerrainError(f"{path.name}: got a picture of too many pixels, {most}", hint=LESS_GROUND) from None
    except Exception as error:  # Pillow raises many types for damaged files.
        raise TerrainError(f"{path.name} is no PNG picture, or damaged ({type(error).__name__})") from None
    return Surface(values[::-1].T / white * scales.height, scales.spacing)


def _grey(path: Path, image: PIL.Image.Image) -> PIL.Image.Image:
    """Shades of grey that were saved as colours, as many programs do; 8 bits, for more of them Pillow throws away."""
    fine = path.read_bytes()[BIT_DEPTH] > 8
    colours = np.asarray(image.convert("RGBA"))
    if fine or (colours[..., 1:3] != colours[..., :1]).any() or (colours[..., 3] < 255).any():
        kind = f"a picture with colours or transparency ({image.mode})"
        raise TerrainError(f"{path.name}: got {kind}, expected shades of grey, 8 or 16 bits each", hint=AS_GREY)
    return image.convert("RGB").getchannel("R")


def _npy(path: Path, scales: Scales, cell: float) -> Surface:
    """``[cells along x, cells along y]``."""
    try:
        values = read_arrays(path, "heights")["heights"]
    except MalformedArraysError as error:
        raise TerrainError(f"{path.name}: {error}") from None
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "fiub":
        raise TerrainError(
            f"{path.name}: got an array of {values.dtype} of shape {values.shape}, expected numbers (along x, along y)"
        )
    check_cells(values.shape, scales.spacing, LESS_GROUND)
    return Surface(values.astype(float) * scales.height, scales.spacing)


def _mesh(path: Path, scales: Scales, cell: float) -> Surface:
    corners = _triangles(path) * scales.scale
    if not np.isfinite(corners).all():
        raise TerrainError(f"{path.name}: got corners that are NaN or infinite, expected finite ones")
    # The axes that follow the one that points up are x and y, so that nothing is mirrored.
    up = "xyz".index(scales.up)
    return surface_of_triangles(corners[..., [(up + 1) % 3, (up + 2) % 3, up]], cell)


def _triangles(path: Path) -> np.ndarray:
    """``[F, 3, 3]`` corners of all triangles."""
    try:
        import trimesh
    except ModuleNotFoundError:
        raise TerrainError(
            f"{path.name}: meshes are read with trimesh, which is not installed",
            hint="pip install 'parkour-lab[terrains]'",
        ) from None
    kind = path.suffix.lower()[1:]
    # From memory, without materials: a mesh that names other files has them opened otherwise.
    options: dict[str, Any] = {"skip_materials": True} if kind == "obj" else {}
    try:
        with np.errstate(all="ignore"):  # Of corners that are no numbers, which are refused.
            mesh: Any = trimesh.load_mesh(io.BytesIO(path.read_bytes()), file_type=kind, process=False, **options)
            corners = np.asarray(mesh.triangles, float)
    except Exception as error:  # trimesh raises many types for damaged files.
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise TerrainError(f"{path.name} is no {kind.upper()} mesh, or damaged ({reason})") from None
    if corners.ndim != 3 or corners.shape[1:] != (3, 3):
        raise TerrainError(f"{path.name} is no {kind.upper()} mesh of triangles in space, or damaged")
    if not 0 < len(corners) <= MOST_TRIANGLES:
        raise TerrainError(f"{path.name}: got {len(corners):,} triangles, expected 1 to {MOST_TRIANGLES:,}")
    return corners


_READERS: dict[str, Callable[[Path, Scales, float], Surface]] = {
    ".png": _png,
    ".npy": _npy,
    ".stl": _mesh,
    ".obj": _mesh,
}
