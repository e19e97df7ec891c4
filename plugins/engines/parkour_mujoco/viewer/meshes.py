"""Meshes of a model's shapes for the eye, body by body."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections import defaultdict
from typing import Any

import mujoco
import numpy as np

from parkour.viewing.web.shapes import BodyMesh
from parkour.viewing.web.solids import Mesh, box, capsule, cylinder, merged, sphere
from parkour_mujoco.physics import COURSE_GROUP

KINDS = mujoco.mjtGeom


def body_meshes(model: mujoco.MjModel, hidden_group: int) -> list[BodyMesh]:
    """Everything of a model but the course and the shapes of groups from ``hidden_group`` up."""
    found: dict[tuple[Any, ...], list[Mesh]] = defaultdict(list)
    for index in range(model.ngeom):
        group = int(model.geom_group[index])
        mesh = None if group == COURSE_GROUP or group >= hidden_group else geom_mesh(model, index)
        if mesh is None:
            continue
        rgba = colour_of(model, index)
        flat = model.geom_type[index] in (KINDS.mjGEOM_BOX, KINDS.mjGEOM_MESH)
        key = int(model.geom_bodyid[index]), tuple(round(255 * float(c)) for c in rgba[:3]), float(rgba[3]), bool(flat)
        found[key].append(mesh)
    return [_body_mesh(key, meshes) for key, meshes in found.items()]


def geom_mesh(model: mujoco.MjModel, index: int) -> Mesh | None:
    """A geom in its body's frame; None for what has no mesh, like planes."""
    size = model.geom_size[index]
    mesh = _primitive(int(model.geom_type[index]), size)
    if mesh is None and model.geom_type[index] == KINDS.mjGEOM_MESH:
        mesh = _asset(model, int(model.geom_dataid[index]))
    if mesh is None:
        return None
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, model.geom_quat[index])
    return mesh.placed(turn.reshape(3, 3), model.geom_pos[index])


def colour_of(model: mujoco.MjModel, index: int) -> np.ndarray:
    """``[4]`` of a geom, its material's if it has one."""
    material = int(model.geom_matid[index])
    return model.mat_rgba[material] if material >= 0 else model.geom_rgba[index]


def _primitive(kind: int, size: np.ndarray) -> Mesh | None:
    if kind == KINDS.mjGEOM_SPHERE:
        return sphere(size[0])
    if kind == KINDS.mjGEOM_ELLIPSOID:
        return sphere(1.0).scaled(size)
    if kind == KINDS.mjGEOM_CAPSULE:
        return capsule(size[0], 2 * size[1])
    if kind == KINDS.mjGEOM_CYLINDER:
        return cylinder(size[0], 2 * size[1])
    if kind == KINDS.mjGEOM_BOX:
        return box(size)
    return None


def _asset(model: mujoco.MjModel, mesh: int) -> Mesh | None:
    if mesh < 0:
        return None
    start, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
    first, faces = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
    vertices = model.mesh_vert[start : start + count].astype(float)
    return Mesh(vertices, model.mesh_face[first : first + faces])


def _body_mesh(key: tuple[Any, ...], meshes: list[Mesh]) -> BodyMesh:
    body, colour, opacity, flat = key
    whole = merged(meshes)
    return BodyMesh(
        body=body,
        vertices=whole.vertices.astype(np.float32),
        faces=whole.faces.astype(np.uint32),
        colour=colour,
        opacity=opacity,
        flat=flat,
    )
