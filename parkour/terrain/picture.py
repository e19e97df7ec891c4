"""A shaded picture of boxes: an orthographic ray caster in plain numpy, with shadows and outlines.

General 3-D plotting sorts whole faces by distance and gets long slabs wrong; a ray per pixel does not. Rays are
parallel, so whatever a pixel needs is a sum of one number of its column and one of its row: that, float32 and numbers
per face in place of vectors per pixel are what makes it quick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from parkour.terrain.box import Box

UP = np.array([0.0, 0.0, 1.0])
SUN = np.array([-0.55, 0.35, 1.0]) / np.linalg.norm([-0.55, 0.35, 1.0])
"""Direction to the light."""
AMBIENT = 0.42
"""Brightness of what the light does not reach."""
OUTLINE = 0.55
"""Brightness factor of lines between faces."""

Colour = Callable[[np.ndarray], np.ndarray]
"""From heights ``[...]`` [m] to red, green and blue in [0, 1], ``[..., 3]``."""


@dataclass(frozen=True)
class Camera:
    """An orthographic view."""

    forward: np.ndarray
    """``[3]`` unit vector that the camera looks along."""
    low: np.ndarray
    """``[2]`` least coordinates in the picture plane (right, up) [m]."""
    high: np.ndarray
    """``[2]`` greatest coordinates in the picture plane [m]."""
    scale: float
    """Pixels per metre."""

    @classmethod
    def around(
        cls, points: np.ndarray, forward: Sequence[float] | np.ndarray, scale: float, border: float = 0.15
    ) -> Camera:
        """A view along ``forward`` that shows all ``points`` ``[n, 3]``, with ``border`` metres around them."""
        unit = np.asarray(forward, float) / np.linalg.norm(forward)
        plane = points @ _axes(unit)[:, :2]
        return cls(unit, plane.min(0) - border, plane.max(0) + border, scale)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        columns, rows = np.ceil((self.high - self.low) * self.scale).astype(int)
        return int(rows), int(columns)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Columns and rows (from the top left, in pixels) of points ``[..., 3]`` → ``[..., 2]``."""
        plane = points @ _axes(self.forward)[:, :2]
        pixels = (plane - self.low) * self.scale
        return np.stack([pixels[..., 0], self.shape[0] - pixels[..., 1]], -1)


@dataclass
class _Hits:
    """What each pixel's ray meets first."""

    depth: np.ndarray
    """``[rows, columns]`` distance along the view [m]; infinite for none."""
    face: np.ndarray
    """``[rows, columns]`` index of the face, -1 for none."""


def _axes(forward: np.ndarray) -> np.ndarray:
    """``[3, 3]`` with the columns right, up, forward of a view."""
    sideways = np.cross(forward, [0.0, 0.0, 1.0])
    right = sideways / np.linalg.norm(sideways)
    return np.stack([right, np.cross(right, forward), forward], -1)


def render(boxes: Sequence[Box], camera: Camera, colour: Colour) -> np.ndarray:
    """A picture of boxes in the light of :data:`SUN`.

    Args:
        boxes: what to show.
        camera: the view.
        colour: from heights to colours.

    Returns:
        ``[rows, columns, 4]`` float32, red, green, blue and opacity in [0, 1]; clear where there is no box.
    """
    hits = _cast(boxes, camera)
    seen = hits.face >= 0
    face = hits.face[seen]
    seen_at = _Seen(camera, seen, hits.depth[seen])
    normals = np.concatenate([_normals(box) for box in boxes])
    lit = _lit(boxes, seen_at, normals, face, camera.scale)
    # The sky lights what faces up a little more than what faces sideways.
    sky = (AMBIENT + 0.1 * normals[:, 2]).astype(np.float32)
    sun = ((1 - AMBIENT - 0.1) * (normals @ SUN).clip(0) / SUN[2]).astype(np.float32)
    shade = (sky[face] + sun[face] * lit).clip(0, 1.08)
    shade[_outline(hits)[seen]] *= OUTLINE
    image = np.zeros((*camera.shape, 4), np.float32)
    image[seen, :3] = np.minimum(colour(seen_at.along(UP)) * shade[:, None], 1.0)
    image[seen, 3] = 1.0
    return image


def smaller(image: np.ndarray, factor: int) -> np.ndarray:
    """The picture at ``1/factor`` of its size, averaged: smooth lines."""
    rows, columns = (size // factor * factor for size in image.shape[:2])
    parts = [image[i:rows:factor, j:columns:factor] for i in range(factor) for j in range(factor)]
    # What is clear is black, so that sums are weighted by opacity already.
    total = np.add.reduce([part * part[..., 3:] for part in parts])
    total[..., :3] /= np.maximum(total[..., 3:], 1e-6)
    total[..., 3] /= factor**2
    return total


class _Seen:
    """Where the rays of some pixels end.

    Args:
        camera: of the rays.
        mask: ``[rows, columns]`` which pixels.
        depth: ``[n]`` of those.
    """

    def __init__(self, camera: Camera, mask: np.ndarray, depth: np.ndarray) -> None:
        self._axes, self._depth = _axes(camera.forward), depth
        rows, columns = mask.shape
        across = ((np.arange(columns) + 0.5) / camera.scale + camera.low[0]).astype(np.float32)
        along = ((rows - np.arange(rows) - 0.5) / camera.scale + camera.low[1]).astype(np.float32)
        self._right = np.broadcast_to(across, mask.shape)[mask]
        self._up = np.broadcast_to(along[:, None], mask.shape)[mask]

    def along(self, direction: np.ndarray) -> np.ndarray:
        """``[n]`` coordinates of the points along a unit vector ``[3]`` [m]."""
        right, up, forward = (float(part) for part in direction @ self._axes)
        return right * self._right + up * self._up + forward * self._depth


def _normals(box: Box) -> np.ndarray:
    """``[6, 3]`` outward normals: low and high face of each axis."""
    return np.stack([sign * box.rotation()[:, axis] for axis in range(3) for sign in (-1.0, 1.0)])


def _cast(boxes: Sequence[Box], camera: Camera, *, faces: bool = True) -> _Hits:
    """What is met first; without ``faces`` only how far away it is."""
    rows, columns = camera.shape
    hits = _Hits(np.full((rows, columns), np.inf, np.float32), np.full((rows, columns) if faces else 0, -1, np.int32))
    axes = _axes(camera.forward)
    for number, box in enumerate(boxes):
        rotation, half = box.rotation(), np.array(box.half_size)
        center = np.array(box.center)
        # The rectangle of the picture that the box can cover.
        middle, reach = center @ axes[:, :2], np.abs(rotation.T @ axes[:, :2]).T @ half
        left, right = _span(middle[0], reach[0], camera.low[0], camera.scale, columns)
        bottom, top = _span(middle[1], reach[1], camera.low[1], camera.scale, rows)
        if left >= right or bottom >= top:
            continue
        u = camera.low[0] + (np.arange(left, right) + 0.5) / camera.scale - middle[0]
        v = camera.low[1] + (np.arange(bottom, top)[::-1] + 0.5) / camera.scale - middle[1]
        depth, face = _enter(u, v, rotation.T @ axes, half, float(center @ camera.forward), faces)
        window = slice(rows - top, rows - bottom), slice(left, right)
        nearer = depth < hits.depth[window]
        np.copyto(hits.depth[window], depth, where=nearer)
        if face is not None:
            np.copyto(hits.face[window], 6 * number + face, where=nearer)
    return hits


def _span(middle: float, reach: float, low: float, scale: float, count: int) -> tuple[int, int]:
    first, last = (middle - reach - low) * scale, (middle + reach - low) * scale
    return max(int(np.floor(first)), 0), min(int(np.ceil(last)) + 1, count)


def _enter(
    u: np.ndarray, v: np.ndarray, axes: np.ndarray, half: np.ndarray, center: float, faces: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Where rays at columns ``u`` and rows ``v`` (from the box's centre) enter it: depth, and face 0 to 5 if wanted."""
    enter = np.full((len(v), len(u)), -np.inf, np.float32)
    leave = -enter
    face = np.zeros(enter.shape, np.int32) if faces else None
    for axis in range(3):
        slope = axes[axis, 2]
        if abs(slope) < 1e-9:
            misses = np.abs(_sum(axes[axis, 0] * u, axes[axis, 1] * v)) > half[axis]
            leave[misses] = -np.inf
            continue
        across, up, reach = -axes[axis, 0] / slope * u + center, -axes[axis, 1] / slope * v, half[axis] / abs(slope)
        near = _sum(across - reach, up)
        if face is not None:
            np.copyto(face, np.int32(2 * axis + (slope < 0)), where=near > enter)
        np.maximum(enter, near, out=enter)
        np.minimum(leave, _sum(across + reach, up), out=leave)
    enter[enter > leave] = np.inf
    return enter, face


def _sum(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """``[rows, columns]`` float32."""
    return v.astype(np.float32)[:, None] + u.astype(np.float32)


def _lit(boxes: Sequence[Box], seen: _Seen, normals: np.ndarray, face: np.ndarray, scale: float) -> np.ndarray:
    """``[n]`` whether the light reaches points on ``face`` ``[n]``: a view from the sun says what it sees first."""
    axes = _axes(-SUN)
    # A little above the surface, which does not shade itself.
    off = (0.01 * normals @ axes).astype(np.float32)
    right, up, forward = (seen.along(axes[:, axis]) + off[face, axis] for axis in range(3))
    low, high = np.array([right.min(), up.min()]), np.array([right.max(), up.max()])
    sun = Camera(-SUN, low - 0.15, high + 0.15, scale)
    rows, columns = sun.shape
    column = ((right - sun.low[0]) * scale).astype(np.int32).clip(0, columns - 1)
    row = (rows - (up - sun.low[1]) * scale).astype(np.int32).clip(0, rows - 1)
    return forward <= _cast(boxes, sun, faces=False).depth[row, column] + 0.02


def _outline(hits: _Hits) -> np.ndarray:
    """Pixels where one face ends and another, or the background, begins."""
    line = np.zeros(hits.face.shape, bool)
    depth = np.where(np.isfinite(hits.depth), hits.depth, 1e3)
    for axis in (0, 1):
        before = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        after = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        # Faces that go on from each other in one plane (ground under a platform's foot) still get a line.
        line[before] |= (hits.face[before] != hits.face[after]) & (depth[before] <= depth[after])
        line[after] |= (hits.face[before] != hits.face[after]) & (depth[after] < depth[before])
    return line
