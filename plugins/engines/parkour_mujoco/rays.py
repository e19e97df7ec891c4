"""Rays against each world's boxes as a Warp kernel: one thread per pixel, on CPU and CUDA, without a copy.

Most boxes of a course are out of a camera's reach. A first kernel, one thread per camera, keeps those that are within
it and not behind the camera, with the camera's pose in each one's frame; the second, one thread per ray, tests only
these. Warp caches the compiled module between processes.
"""

# Warp's kernels are Python only in their syntax.
# pyright: reportIndexIssue=false, reportArgumentType=false, reportOperatorIssue=false, reportCallIssue=false
# pyright: reportInvalidTypeForm=false, reportAssignmentType=false, reportGeneralTypeIssues=false

from __future__ import annotations

from typing import Any

import torch
import warp as wp
from torch import Tensor

wp.set_module_options({"enable_backward": False})


@wp.kernel
def _select(
    origins: wp.array(dtype=wp.vec3),
    rotations: wp.array(dtype=wp.mat33),
    boxes: wp.array3d(dtype=wp.float32),
    reach: wp.float32,
    count: wp.array(dtype=wp.int32),
    starts: wp.array2d(dtype=wp.vec3),
    turns: wp.array2d(dtype=wp.mat33),
    halves: wp.array2d(dtype=wp.vec3),
):
    """The boxes that camera ``m`` can see, gathered at the front of its rows, in the boxes' own frames."""
    m = wp.tid()
    rotation = rotations[m]
    forward = wp.vec3(rotation[0, 0], rotation[1, 0], rotation[2, 0])
    found = wp.int32(0)
    for k in range(boxes.shape[1]):
        offset = origins[m] - wp.vec3(boxes[m, k, 0], boxes[m, k, 1], boxes[m, k, 2])
        # Warp's quaternions have w last.
        turn = wp.transpose(wp.quat_to_matrix(wp.quat(boxes[m, k, 4], boxes[m, k, 5], boxes[m, k, 6], boxes[m, k, 3])))
        half = wp.vec3(boxes[m, k, 7], boxes[m, k, 8], boxes[m, k, 9])
        start = turn * offset
        gap = wp.vec3(
            wp.max(wp.abs(start[0]) - half[0], 0.0),
            wp.max(wp.abs(start[1]) - half[1], 0.0),
            wp.max(wp.abs(start[2]) - half[2], 0.0),
        )
        # The furthest that the box comes forward of the camera.
        ahead = turn * forward
        front = wp.dot(wp.abs(ahead), half) - wp.dot(forward, offset)
        if wp.length_sq(gap) <= reach * reach and front >= 0.0:
            starts[m, found] = start
            turns[m, found] = turn * rotation
            halves[m, found] = half
            found += 1
    count[m] = found


@wp.kernel
def _cast(
    count: wp.array(dtype=wp.int32),
    starts: wp.array2d(dtype=wp.vec3),
    turns: wp.array2d(dtype=wp.mat33),
    halves: wp.array2d(dtype=wp.vec3),
    rays: wp.array(dtype=wp.vec3),
    reach: wp.float32,
    distances: wp.array2d(dtype=wp.float32),
):
    """Slab tests of ray ``r`` of camera ``m`` with the boxes that were kept."""
    m, r = wp.tid()
    nearest = reach
    for k in range(count[m]):
        start = starts[m, k]
        half = halves[m, k]
        direction = turns[m, k] * rays[r]
        enter = wp.float32(-1.0e30)
        leave = wp.float32(1.0e30)
        for axis in range(3):
            along = direction[axis]
            if wp.abs(along) < 1.0e-9:
                along = wp.float32(1.0e-9)
            middle = -start[axis] / along
            extent = wp.abs(half[axis] / along)
            enter = wp.max(enter, middle - extent)
            leave = wp.min(leave, middle + extent)
        if enter <= leave and leave >= 0.0:
            nearest = wp.min(nearest, wp.max(enter, 0.0))
    distances[m, r] = nearest


class WarpRayCaster:
    """A :class:`parkour.terrain.rays.RayCaster`. Works in torch's current stream, without a host sync."""

    def __init__(self) -> None:
        wp.init()

    def __call__(self, origins: Tensor, rotations: Tensor, rays: Tensor, boxes: Tensor, reach: float) -> Tensor:
        cameras, slots = boxes.shape[:2]
        device = origins.device
        distances = torch.empty(cameras, len(rays), device=device)
        if cameras == 0:
            return distances
        count = torch.empty(cameras, dtype=torch.int32, device=device)
        kept = [torch.empty(cameras, slots, *shape, device=device) for shape in ((3,), (3, 3), (3,))]
        seen = [_wrap(count, wp.int32), *(_wrap(t, kind) for t, kind in zip(kept, _KINDS, strict=True))]
        where: dict[str, Any] = {"device": wp.device_from_torch(device), "stream": _stream(device)}
        poses = [_wrap(origins, wp.vec3), _wrap(rotations, wp.mat33), _wrap(boxes, wp.float32), float(reach)]
        wp.launch(_select, dim=cameras, inputs=poses, outputs=seen, **where)
        inputs = [*seen, _wrap(rays, wp.vec3), float(reach)]
        wp.launch(_cast, dim=(cameras, len(rays)), inputs=inputs, outputs=[_wrap(distances, wp.float32)], **where)
        return distances


_KINDS = (wp.vec3, wp.mat33, wp.vec3)


def _wrap(tensor: Tensor, dtype: Any) -> Any:
    """The tensor as Warp's array, sharing its memory."""
    return wp.from_torch(tensor.contiguous(), dtype=dtype, requires_grad=False)


def _stream(device: torch.device) -> Any:
    """Torch's current stream, so that the kernels run after what made their inputs; None on the CPU."""
    return wp.stream_from_torch(torch.cuda.current_stream(device)) if device.type == "cuda" else None
