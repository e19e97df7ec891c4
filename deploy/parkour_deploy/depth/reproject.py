"""Pictures of one pinhole camera as another at the same place would take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parkour_deploy.contract import Camera


@dataclass(frozen=True)
class Intrinsics:
    """A real camera's, in pixels."""

    width: int
    height: int
    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float


def ray_directions(camera: Camera) -> np.ndarray:
    """``[H, W, 3]`` through the pixels' centres: right, down, forward, of depth 1."""
    across = (np.arange(camera.width) + 0.5 - camera.width / 2) / camera.focal_x
    down = (np.arange(camera.height) + 0.5 - camera.height / 2) / camera.focal_y
    return np.stack(np.broadcast_arrays(across[None, :], down[:, None], np.array(1.0)), axis=-1)


class Reprojection:
    """From depth along the optical axis, as drivers give it, to distances along the policy's rays.

    Each ray takes the pixel that it falls into; rays that leave the picture, and pixels without depth, are not finite.

    Args:
        source: the real camera.
        camera: the policy's.
    """

    def __init__(self, source: Intrinsics, camera: Camera) -> None:
        directions = ray_directions(camera)
        columns = np.floor(directions[..., 0] * source.focal_x + source.centre_x + 0.5).astype(np.intp)
        rows = np.floor(directions[..., 1] * source.focal_y + source.centre_y + 0.5).astype(np.intp)
        inside = (columns >= 0) & (columns < source.width) & (rows >= 0) & (rows < source.height)
        self.seen = float(inside.mean())
        """Share of the policy's picture that the real camera sees."""
        self._rows, self._columns = np.where(inside, rows, 0), np.where(inside, columns, 0)
        self._slant = np.where(inside, np.linalg.norm(directions, axis=-1), np.nan)

    def __call__(self, depth: np.ndarray) -> np.ndarray:
        """``[H, W]`` [m] from ``[h, w]`` depths [m], 0 where nothing was measured."""
        found = depth[self._rows, self._columns]
        return np.where(found > 0, found, np.nan) * self._slant
