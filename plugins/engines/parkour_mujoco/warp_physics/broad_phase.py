"""Which shapes of a robot may touch which boxes of its course: the boxes within reach first, then each shape with them.

MuJoCo Warp tries every pair (24 shapes times 40 boxes in each world). Most boxes are out of the robot's reach: no shape
can be further from the base than the links between them are long. The boxes within reach are compared with each shape
in their own frame. What is left out cannot touch; what touches is left to MuJoCo Warp's narrow phase.
"""

# Warp's kernels are Python only in their syntax; mujoco's classes are compiled and ship no stubs.
# pyright: reportIndexIssue=false, reportArgumentType=false, reportOperatorIssue=false, reportCallIssue=false
# pyright: reportInvalidTypeForm=false, reportAttributeAccessIssue=false, reportAssignmentType=false
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import mujoco_warp
import numpy as np
import warp as wp

wp.set_module_options({"enable_backward": False})

FAR = wp.constant(1.0e30)
ROUND = (mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_CAPSULE)
"""Shapes that it serves."""
ROUNDING = 1e-5
"""Distances are computed in single precision; so much is added to what counts as near [m]."""


@dataclass
class Pairs:
    """Room for the pairs that the narrow phase looks at; it knows these names."""

    collision_pair: Any
    collision_pairid: Any
    collision_worldid: Any

    @classmethod
    def room_for(cls, most: int) -> Pairs:
        return cls(wp.empty(most, dtype=wp.vec2i), wp.empty(most, dtype=wp.vec2i), wp.empty(most, dtype=int))


@wp.func
def _outside(point: wp.vec3, spread: wp.vec3, half: wp.vec3) -> float:
    """Squared distance [m²] between two boxes with the same axes: of half extents ``spread`` around ``point``, and of
    ``half`` around the origin. Of a robot whose state is not finite nothing is near: it must not fill the room of
    all."""
    if not wp.isfinite(point[0] + point[1] + point[2]):
        return FAR
    gap = wp.vec3(
        wp.max(wp.abs(point[0]) - spread[0] - half[0], 0.0),
        wp.max(wp.abs(point[1]) - spread[1] - half[1], 0.0),
        wp.max(wp.abs(point[2]) - spread[2] - half[2], 0.0),
    )
    return wp.dot(gap, gap)


@wp.kernel
def _find_near_boxes(
    boxes: wp.array(dtype=int),
    base: int,
    reach: float,
    geom_size: wp.array2d(dtype=wp.vec3),
    xpos: wp.array2d(dtype=wp.vec3),
    geom_xpos: wp.array2d(dtype=wp.vec3),
    geom_xmat: wp.array2d(dtype=wp.mat33),
    near_count: wp.array(dtype=int),
    near: wp.array2d(dtype=int),
):
    world, k = wp.tid()
    box = boxes[k]
    half = geom_size[world % geom_size.shape[0], box]
    turn = wp.transpose(geom_xmat[world, box])
    offset = turn * (xpos[world, base] - geom_xpos[world, box])
    if _outside(offset, wp.vec3(0.0), half) <= reach * reach:
        near[world, wp.atomic_add(near_count, world, 1)] = box


@wp.kernel
def _find_near_pairs(
    shapes: wp.array(dtype=int),
    capsules: wp.array(dtype=int),
    slack: float,
    near_count: wp.array(dtype=int),
    near: wp.array2d(dtype=int),
    geom_size: wp.array2d(dtype=wp.vec3),
    geom_xpos: wp.array2d(dtype=wp.vec3),
    geom_xmat: wp.array2d(dtype=wp.mat33),
    most: int,
    count: wp.array(dtype=int),
    pair: wp.array(dtype=wp.vec2i),
    pair_id: wp.array(dtype=wp.vec2i),
    pair_world: wp.array(dtype=int),
):
    world, i = wp.tid()
    shape = shapes[i]
    sizes = world % geom_size.shape[0]
    size = geom_size[sizes, shape]
    centre = geom_xpos[world, shape]
    axis = wp.vec3(0.0)
    if capsules[i] == 1:
        pose = geom_xmat[world, shape]
        axis = wp.vec3(pose[0, 2], pose[1, 2], pose[2, 2]) * size[1]
    radius = size[0] + slack
    for k in range(near_count[world]):
        box = near[world, k]
        turn = wp.transpose(geom_xmat[world, box])
        offset = turn * (centre - geom_xpos[world, box])
        if _outside(offset, wp.abs(turn * axis), geom_size[sizes, box]) <= radius * radius:
            index = wp.atomic_add(count, 0, 1)
            if index < most:
                # Shapes are spheres and capsules, which come before boxes in MuJoCo's order of types.
                pair[index] = wp.vec2i(shape, box)
                pair_id[index] = wp.vec2i(-1, -1)
                pair_world[index] = world


class NearPairs:
    """Broad and narrow phase of a robot of spheres and capsules on boxes.

    Args:
        model: compiled; its robot's base floats, and everything else hangs on hinges.
        device: Warp's.
    """

    def __init__(self, model: mujoco.MjModel, device: Any) -> None:
        shapes, boxes = _colliding(model)
        with wp.ScopedDevice(device):
            self._shapes, self._boxes = wp.array(shapes, dtype=int), wp.array(boxes, dtype=int)
            self._capsules = wp.array(_are_capsules(model, shapes), dtype=int)
        self._base = _base(model)
        margin = 2 * float((model.geom_margin + model.geom_gap).max())
        self._slack = ROUNDING + margin
        self._reach = max(_reach(model, geom) for geom in shapes) + self._slack
        kinds = sorted({mujoco_warp.GeomType(int(model.geom_type[geom])) for geom in shapes})
        self._table = [(kind, mujoco_warp.GeomType.BOX) for kind in kinds]

    @staticmethod
    def obstacle(model: mujoco.MjModel) -> str | None:
        """Why not every pair that can touch is one of a sphere or capsule, of one robot on hinges, and a box; None
        where it is."""
        shapes, boxes = _colliding(model)
        if not shapes or not boxes:
            return "nothing moves on anything"
        for joint in range(model.njnt):
            kind = mujoco.mjtJoint(int(model.jnt_type[joint]))
            if kind not in (mujoco.mjtJoint.mjJNT_FREE, mujoco.mjtJoint.mjJNT_HINGE):
                return f"its joint {own_name(model.joint(joint))} is of type {_word(kind)}"
        if (model.jnt_type == mujoco.mjtJoint.mjJNT_FREE.value).sum() != 1:
            return "other than one body floats"
        for geoms, allowed in ((shapes, ROUND), (boxes, (mujoco.mjtGeom.mjGEOM_BOX,))):
            for geom in geoms:
                kind = mujoco.mjtGeom(int(model.geom_type[geom]))
                if kind not in allowed:
                    return f"its shape {own_name(model.geom(geom))} is of type {_word(kind)}"
        if _may_touch(model, shapes, shapes).any():
            return "its shapes touch one another"
        if not _may_touch(model, shapes, boxes).all():
            return "not every shape touches every box"
        if model.npair or model.nexclude or model.nflex:
            return "its model says which pairs touch"
        return None

    def collide(self, model: Any, data: Any) -> None:
        """What ``mujoco_warp.collision`` does: the contacts of the positions as they are."""
        found = Pairs.room_for(data.naconmax)
        near_count = wp.zeros(data.nworld, dtype=int)
        near = wp.empty((data.nworld, len(self._boxes)), dtype=int)
        data.ncollision.zero_()
        data.nacon.zero_()
        poses = data.geom_xpos, data.geom_xmat
        wp.launch(
            _find_near_boxes,
            dim=near.shape,
            inputs=[self._boxes, self._base, self._reach, model.geom_size, data.xpos, *poses],
            outputs=[near_count, near],
        )
        wp.launch(
            _find_near_pairs,
            dim=(data.nworld, len(self._shapes)),
            inputs=[
                self._shapes,
                self._capsules,
                self._slack,
                near_count,
                near,
                model.geom_size,
                *poses,
                data.naconmax,
            ],
            outputs=[data.ncollision, found.collision_pair, found.collision_pairid, found.collision_worldid],
        )
        mujoco_warp.primitive_narrowphase(model, data, found, self._table)  # pyright: ignore[reportArgumentType]


def _colliding(model: mujoco.MjModel) -> tuple[list[int], list[int]]:
    """The robot's shapes that collide, and what they collide with: geoms of bodies that move, and of those that do
    not."""
    moves = model.body_weldid[model.geom_bodyid] != 0
    collides = (model.geom_contype | model.geom_conaffinity) != 0
    return np.flatnonzero(moves & collides).tolist(), np.flatnonzero(~moves & collides).tolist()


def _may_touch(model: mujoco.MjModel, some: list[int], others: list[int]) -> np.ndarray:
    """``[len(some), len(others)]`` bool: what MuJoCo's masks allow."""
    one = model.geom_contype[some][:, None] & model.geom_conaffinity[others][None]
    return (one | (model.geom_conaffinity[some][:, None] & model.geom_contype[others][None])) != 0


def own_name(part: Any) -> str:
    """Of a joint, geom or tendon, as the robot's own file has it, in quotes."""
    return repr(part.name.removeprefix("robot/"))


def _word(kind: mujoco.mjtJoint | mujoco.mjtGeom) -> str:
    """``mjGEOM_MESH`` as mesh."""
    return kind.name.partition("_")[2].lower()


def _are_capsules(model: mujoco.MjModel, geoms: list[int]) -> np.ndarray:
    return (model.geom_type[geoms] == mujoco.mjtGeom.mjGEOM_CAPSULE.value).astype(np.int32)


def _base(model: mujoco.MjModel) -> int:
    """The body that floats."""
    (free,) = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE.value)
    return int(model.jnt_bodyid[free])


def _reach(model: mujoco.MjModel, geom: int) -> float:
    """How far a geom's furthest point can be from the base's origin, however the hinges stand [m]."""
    base, body = _base(model), int(model.geom_bodyid[geom])
    reach = float(np.linalg.norm(model.geom_pos[geom]) + model.geom_rbound[geom])
    while body != base:
        joints = range(model.body_jntadr[body], model.body_jntadr[body] + model.body_jntnum[body])
        # About an axis elsewhere, a body's origin moves on a circle.
        reach += float(np.linalg.norm(model.body_pos[body])) + sum(
            2 * float(np.linalg.norm(model.jnt_pos[joint])) for joint in joints
        )
        body = int(model.body_parentid[body])
        if body == 0:
            return float("inf")
    return reach
