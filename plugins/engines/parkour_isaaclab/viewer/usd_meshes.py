"""Meshes of a USD link's shapes for the eye, in the link's frame."""

# USD is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pxr import Gf, Usd, UsdGeom, UsdPhysics, UsdShade

from parkour.viewing.web.shapes import BodyMesh
from parkour.viewing.web.solids import Mesh, box, capsule, cylinder, sphere

PLAIN = (0.62, 0.64, 0.68)
"""Colour of what has none."""
COLOUR_INPUTS = ("diffuseColor", "diffuse_color_constant", "diffuse_tint", "diffuse_reflection_color")
"""What materials call their colour: USD's own, and those of NVIDIA's common ones."""
TURNS = {
    "X": np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]),
    "Y": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
}
"""Turn a shape along z by a right angle to lie along x or y."""


def link_meshes(link: Usd.Prim, body: int) -> list[BodyMesh]:
    """Everything that is seen of a link; what collides only where there is nothing else.

    Links below it are not looked into.

    Args:
        link: a rigid body.
        body: its number.
    """
    shapes = list(_shapes(link))
    for_the_eye = [prim for prim in shapes if not prim.HasAPI(UsdPhysics.CollisionAPI)]
    cache = UsdGeom.XformCache()
    frame = cache.GetLocalToWorldTransform(link).RemoveScaleShear().GetInverse()
    found: list[BodyMesh] = []
    for prim in for_the_eye or shapes:
        transform = np.array(cache.GetLocalToWorldTransform(prim) * frame)
        for vertices, faces, colour, flat in _parts(prim):
            if np.linalg.det(transform[:3, :3]) < 0:
                faces = faces[:, ::-1]
            placed = (vertices @ transform[:3, :3] + transform[3, :3]).astype(np.float32)
            found.append(BodyMesh(body, placed, faces.astype(np.uint32), colour, 1.0, flat))
    return found


def _shapes(link: Usd.Prim) -> Iterator[Usd.Prim]:
    prims = iter(Usd.PrimRange(link, Usd.TraverseInstanceProxies()))
    for prim in prims:
        if prim != link and prim.HasAPI(UsdPhysics.RigidBodyAPI):
            prims.PruneChildren()
            continue
        if not prim.IsA(UsdGeom.Gprim):
            continue
        seen = UsdGeom.Imageable(prim)
        hidden = seen.ComputeVisibility() == UsdGeom.Tokens.invisible
        if not hidden and seen.ComputePurpose() in (UsdGeom.Tokens.default_, UsdGeom.Tokens.render):
            yield prim


Part = tuple[np.ndarray, np.ndarray, tuple[int, int, int], bool]
"""Vertices, faces, colour, whether faces are flat."""


def _parts(prim: Usd.Prim) -> Iterator[Part]:
    """A shape in its own frame, by material."""
    if prim.IsA(UsdGeom.Mesh):
        yield from _mesh_parts(UsdGeom.Mesh(prim))
        return
    mesh = _primitive(prim)
    if mesh is not None:
        yield mesh.vertices, mesh.faces, _colour(prim), prim.IsA(UsdGeom.Cube)


def _primitive(prim: Usd.Prim) -> Mesh | None:
    get = lambda name: float(prim.GetAttribute(name).Get())  # noqa: E731
    if prim.IsA(UsdGeom.Sphere):
        return sphere(get("radius"))
    if prim.IsA(UsdGeom.Cube):
        return box(np.full(3, get("size") / 2))
    if prim.IsA(UsdGeom.Capsule):
        mesh = capsule(get("radius"), get("height"))
    elif prim.IsA(UsdGeom.Cylinder):
        mesh = cylinder(get("radius"), get("height"))
    else:
        return None
    turn = TURNS.get(str(prim.GetAttribute("axis").Get()))
    return mesh if turn is None else mesh.placed(turn, np.zeros(3))


def _mesh_parts(mesh: UsdGeom.Mesh) -> Iterator[Part]:
    points, counts, corners = (
        attribute.Get()
        for attribute in (mesh.GetPointsAttr(), mesh.GetFaceVertexCountsAttr(), mesh.GetFaceVertexIndicesAttr())
    )
    if not points or not counts or not corners:
        return
    vertices = np.asarray(points, np.float64)
    faces, owner = _triangles(np.asarray(counts), np.asarray(corners))
    if mesh.GetOrientationAttr().Get() == UsdGeom.Tokens.leftHanded:
        faces = faces[:, ::-1]
    left = np.ones(len(faces), bool)
    for subset in UsdShade.MaterialBindingAPI(mesh).GetMaterialBindSubsets():
        chosen = np.isin(owner, np.asarray(subset.GetIndicesAttr().Get()))
        left &= ~chosen
        if chosen.any():
            yield vertices, faces[chosen], _colour(subset.GetPrim()), False
    if left.any():
        yield vertices, faces[left], _colour(mesh.GetPrim()), False


def _triangles(counts: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Polygons as fans of triangles: ``[T, 3]`` corners and ``[T]`` the polygon that each is of."""
    fans = np.maximum(counts - 2, 0)
    owner = np.repeat(np.arange(len(counts)), fans)
    first = np.repeat(np.cumsum(counts) - counts, fans)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(fans) - fans, fans)
    return np.stack([corners[first], corners[first + number + 1], corners[first + number + 2]], axis=-1), owner


def _colour(prim: Usd.Prim) -> tuple[int, int, int]:
    """Of the material that is bound to a shape or a part of one, else its display colour; 0 to 255."""
    shown = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance("displayColor")
    values = shown.Get() if shown and shown.HasValue() else None
    colour = _material_colour(prim) or (values[0] if values else None) or PLAIN
    red, green, blue = (round(255 * min(max(float(part), 0.0), 1.0) ** (1 / 2.2)) for part in colour)
    return red, green, blue


def _material_colour(prim: Usd.Prim) -> Gf.Vec3f | None:
    material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
    for child in Usd.PrimRange(material.GetPrim(), Usd.TraverseInstanceProxies()) if material else ():
        shader = UsdShade.Shader(child)
        for name in COLOUR_INPUTS if shader else ():
            value = shader.GetInput(name).Get() if shader.GetInput(name) else None
            if value is not None:
                return value
    return None
