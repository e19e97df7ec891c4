"""The tree of bounding volumes of a body whose geoms stand elsewhere in every world.

C MuJoCo finds the pairs of geoms of two bodies that may touch by going down the trees of both. It makes a body's tree
when a model is compiled; where geoms are moved afterwards, the tree must be made anew, or go unused, and then every
geom of a robot is held against every box of its course.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

FAR = 25.0
"""Geoms so much lower than others are kept apart from them in the tree [m]: unused ones would widen all volumes."""


class BoundingTree:
    """Makes one body's tree for worlds whose geoms differ. The tree keeps its shape; geoms take its leaves in order.

    Args:
        model: the compiled model; its worlds' models are alike in all but their geoms.
        body: index of the body, which has two geoms or more.
    """

    def __init__(self, model: Any, body: int) -> None:
        first, count = int(model.body_bvhadr[body]), int(model.body_bvhnum[body])
        self._nodes = slice(first, first + count)
        geoms = int(model.body_geomadr[body])
        self._geoms = slice(geoms, geoms + int(model.body_geomnum[body]))
        child, depth = model.bvh_child[self._nodes], model.bvh_depth[self._nodes]
        inner = child[:, 0] >= 0
        self._leaves = np.flatnonzero(~inner)
        # Nodes of one depth together, deepest first: their children are done before them.
        levels = [np.flatnonzero(inner & (depth == d)) for d in range(depth.max(), -1, -1)]
        self._levels = [(nodes, child[nodes, 0], child[nodes, 1]) for nodes in levels if len(nodes)]
        self._origin = np.array(model.body_ipos[body])
        self._axes = _rotations(np.array(model.body_iquat[body]))

    def update(self, models: list[Any]) -> None:
        """Make the trees of these worlds' models from their geoms as they are."""
        pos, quat, aabb = (
            np.stack([getattr(model, name)[self._geoms] for model in models])
            for name in ("geom_pos", "geom_quat", "geom_aabb")
        )
        # Volumes are boxes along the axes of the body's inertia.
        turn = self._axes.T @ _rotations(quat)
        centre = (pos - self._origin) @ self._axes + (turn @ aabb[..., :3, None])[..., 0]
        extent = (np.abs(turn) @ aabb[..., 3:, None])[..., 0]
        # Courses are long: neighbours along x share a volume.
        order = np.lexsort((pos[..., 0], np.round(pos[..., 2] / FAR)), axis=-1)
        rows = np.arange(len(models))[:, None]
        shape = (len(models), self._nodes.stop - self._nodes.start, 3)
        low, high = np.empty(shape), np.empty(shape)
        low[:, self._leaves] = (centre - extent)[rows, order]
        high[:, self._leaves] = (centre + extent)[rows, order]
        for nodes, left, right in self._levels:
            low[:, nodes] = np.minimum(low[:, left], low[:, right])
            high[:, nodes] = np.maximum(high[:, left], high[:, right])
        volumes = np.concatenate([(low + high) / 2, (high - low) / 2], axis=-1)
        for model, volume, geoms in zip(models, volumes, order + self._geoms.start, strict=True):
            model.bvh_aabb[self._nodes] = volume
            model.bvh_nodeid[self._nodes][self._leaves] = geoms


def bodies_with_boxes(model: Any) -> list[int]:
    """Bodies with a tree in which there are boxes: what courses are made of, and robots are not."""
    boxes = model.geom_type == mujoco.mjtGeom.mjGEOM_BOX  # pyright: ignore[reportAttributeAccessIssue]
    return [int(body) for body in np.unique(model.geom_bodyid[boxes]) if model.body_geomnum[body] > 1]


def _rotations(quat: np.ndarray) -> np.ndarray:
    """``[..., 3, 3]`` matrices of quaternions ``[..., 4]`` (w, x, y, z)."""
    w, x, y, z = np.moveaxis(quat, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))
