"""A shaded picture of boxes: an orthographic ray caster in plain numpy, with shadows and outlines.

General 3-D plotting sorts whole faces by distance and gets long slabs wrong; a ray per pixel does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from parkour.terrain.box import Box

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
        ``[rows, columns, 4]`` red, green, blue and opacity in [0, 1]; clear where there is no box.
    """
    hits = _cast(boxes, camera)
    seen = hits.face >= 0
    rows, columns = np.nonzero(seen)
    axes = _axes(camera.forward)
    plane = np.stack([columns + 0.5, camera.shape[0] - rows - 0.5], -1) / camera.scale + camera.low
    points = plane @ axes[:, :2].T + hits.depth[seen][:, None] * camera.forward
    normals = np.concatenate([_normals(box) for box in boxes])[hits.face[seen]]
    light = (normals @ SUN).clip(0) * _lit(boxes, points + 0.01 * normals, camera.scale)
    # The sky lights what faces up a little more than what faces sideways.
    shade = AMBIENT + 0.1 * normals[:, 2] + (1 - AMBIENT - 0.1) * light / SUN[2]
    image = np.zeros((*camera.shape, 4))
    image[seen, :3] = colour(points[:, 2]) * shade.clip(0, 1.08)[:, None]
    image[seen, 3] = 1.0
    image[_outline(hits) & seen, :3] *= OUTLINE
    return image.clip(0, 1)


def smaller(image: np.ndarray, factor: int) -> np.ndarray:
    """The picture at ``1/factor`` of its size, averaged: smooth lines."""
    rows, columns = (size // factor * factor for size in image.shape[:2])
    parts = image[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor, 4)
    alpha = parts[..., 3:].mean((1, 3))
    colour = (parts[..., :3] * parts[..., 3:]).mean((1, 3)) / np.maximum(alpha, 1e-6)
    return np.concatenate([colour, alpha], -1)


def _normals(box: Box) -> np.ndarray:
    """``[6, 3]`` outward normals: low and high face of each axis."""
    return np.stack([sign * box.rotation()[:, axis] for axis in range(3) for sign in (-1.0, 1.0)])


def _cast(boxes: Sequence[Box], camera: Camera) -> _Hits:
    rows, columns = camera.shape
    hits = _Hits(np.full((rows, columns), np.inf), np.full((rows, columns), -1))
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
        depth, face = _enter(u[None, :], v[:, None], rotation.T @ axes, half)
        depth = depth + center @ camera.forward
        window = slice(rows - top, rows - bottom), slice(left, right)
        nearer = depth < hits.depth[window]
        hits.depth[window] = np.where(nearer, depth, hits.depth[window])
        hits.face[window] = np.where(nearer, 6 * number + face, hits.face[window])
    return hits


def _span(middle: float, reach: float, low: float, scale: float, count: int) -> tuple[int, int]:
    first, last = (middle - reach - low) * scale, (middle + reach - low) * scale
    return max(int(np.floor(first)), 0), min(int(np.ceil(last)) + 1, count)


def _enter(u: np.ndarray, v: np.ndarray, axes: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where rays at ``u``, ``v`` (from the box's centre) enter it: depth from its centre, and face 0 to 5."""
    shape = np.broadcast_shapes(u.shape, v.shape)
    enter, leave = np.full(shape, -np.inf), np.full(shape, np.inf)
    face = np.zeros(shape, int)
    for axis in range(3):
        start, slope = axes[axis, 0] * u + axes[axis, 1] * v, axes[axis, 2]
        if abs(slope) < 1e-9:
            leave = np.where(np.abs(start) <= half[axis], leave, -np.inf)
            continue
        near = (-np.sign(slope) * half[axis] - start) / slope
        later = near > enter
        enter = np.where(later, near, enter)
        face[later] = 2 * axis + (slope < 0)
        leave = np.minimum(leave, (np.sign(slope) * half[axis] - start) / slope)
    return np.where(enter <= leave, enter, np.inf), face


def _lit(boxes: Sequence[Box], points: np.ndarray, scale: float) -> np.ndarray:
    """``[n]`` 1 where the light reaches, 0 in shadow: a view from the sun says what it sees first."""
    sun = Camera.around(points, -SUN, scale)
    pixels = sun.project(points).astype(int)
    rows, columns = sun.shape
    first = _cast(boxes, sun).depth[pixels[:, 1].clip(0, rows - 1), pixels[:, 0].clip(0, columns - 1)]
    return (points @ sun.forward <= first + 0.02).astype(float)


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
