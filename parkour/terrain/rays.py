"""Distances along rays to the nearest of a course's boxes, in plain torch: for any device, and to check faster ones.

Every pixel of every camera has the same direction in its camera's frame, so a caster takes one set of rays and a
rotation per camera instead of one direction per pixel.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

CHUNK = 1 << 22
"""Rays of a chunk: bounds the memory of the temporaries, which are a few times as many numbers."""
PARALLEL = 1e-9
"""Components of a direction nearer to 0 count as this, so that nothing is divided by 0."""


class RayCaster(Protocol):
    """Casts the same ``R`` rays from each of ``M`` origins, each turned by a rotation of its own."""

    def __call__(self, origins: Tensor, rotations: Tensor, rays: Tensor, boxes: Tensor, reach: float) -> Tensor:
        """Distances to the nearest box.

        A ray that starts inside a box has gone no distance: it reads 0.

        Args:
            origins: ``[M, 3]`` [m].
            rotations: ``[M, 3, 3]``; columns are the axes of the rays' frame in that of the boxes.
            rays: ``[R, 3]`` unit vectors, none of which looks backwards (x is at least 0).
            boxes: ``[M, K, 10]``: centre, quaternion (w, x, y, z), half extents [m].
            reach: what is further away is not seen [m].

        Returns:
            ``[M, R]`` [m]; ``reach`` where nothing is met within it, and for origins that are not finite.
        """
        ...


def rotation_matrix(quat: Tensor) -> Tensor:
    """``[..., 3, 3]`` from unit quaternions ``[..., 4]`` (w, x, y, z); columns are the turned frame's axes."""
    w, x, y, z = quat.unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def cast_rays(origins: Tensor, rotations: Tensor, rays: Tensor, boxes: Tensor, reach: float) -> Tensor:
    """A :class:`RayCaster`: slab tests (Kay and Kajiya 1986) of all rays with one box after the other."""
    size = max(1, CHUNK // max(len(rays), 1))
    chunks = zip(*(values.split(size) for values in (origins, rotations, boxes)), strict=True)
    parts = [_cast(origin, rotation, rays, some, reach) for origin, rotation, some in chunks]
    return torch.cat(parts) if parts else origins.new_zeros(0, len(rays))


def _cast(origins: Tensor, rotations: Tensor, rays: Tensor, boxes: Tensor, reach: float) -> Tensor:
    """:func:`cast_rays` for one chunk of cameras."""
    to_box = rotation_matrix(boxes[..., 3:7]).transpose(-1, -2)
    starts = (to_box @ (origins[:, None] - boxes[..., :3]).unsqueeze(-1)).squeeze(-1)
    turns = to_box @ rotations[:, None]
    half = boxes[..., 7:]
    nearest = torch.full((len(origins), len(rays)), reach, device=origins.device, dtype=origins.dtype)
    for k in range(boxes.shape[1]):
        nearest = torch.minimum(nearest, _enter(starts[:, k], turns[:, k], rays, half[:, k], reach))
    return nearest


def _enter(start: Tensor, turn: Tensor, rays: Tensor, half: Tensor, reach: float) -> Tensor:
    """``[M, R]``: where rays enter the one box of each camera, in the box's own frame; ``reach`` where they do not."""
    enter = leave = None
    for axis in range(3):
        along = turn[:, axis] @ rays.T
        along = torch.where(along.abs() < PARALLEL, PARALLEL, along)
        middle = -start[:, axis, None] / along
        reaches = (half[:, axis, None] / along).abs()
        first, last = middle - reaches, middle + reaches
        enter = first if enter is None else torch.maximum(enter, first)
        leave = last if leave is None else torch.minimum(leave, last)
    assert enter is not None and leave is not None
    # Comparisons with NaN are false, so a broken pose sees nothing.
    return torch.where((enter <= leave) & (leave >= 0.0), enter.clamp(min=0.0), reach)
