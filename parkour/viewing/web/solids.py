"""Meshes of simple solids for the page, in numpy alone: libraries of meshes take longer to import than all else here.

Faces are seen from outside, counter-clockwise. Where surfaces meet at an edge they share no corners, so that shading
does not round it; those of a box are told apart by flat shading.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

SECTIONS = 24
"""Parts of a circle."""


class Mesh(NamedTuple):
    """A surface of triangles."""

    vertices: np.ndarray
    """``[V, 3]`` [m]."""
    faces: np.ndarray
    """``[F, 3]`` int64 indices of vertices."""

    def placed(self, rotation: np.ndarray, position: np.ndarray) -> Mesh:
        """The mesh turned by ``[3, 3]``, then moved by ``[3]`` [m]."""
        return Mesh(self.vertices @ rotation.T + position, self.faces)

    def scaled(self, factors: np.ndarray) -> Mesh:
        """The mesh stretched along each axis by positive ``[3]``."""
        return Mesh(self.vertices * factors, self.faces)

    def unshared(self) -> Mesh:
        """The mesh with corners of its own for every face."""
        return Mesh(self.vertices[self.faces].reshape(-1, 3), np.arange(self.faces.size).reshape(-1, 3))


def merged(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes as one."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
    )


def box(half_size: np.ndarray | tuple[float, float, float]) -> Mesh:
    """A box around the origin, of half extents [m]."""
    corners = np.array([(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
    sides = np.array([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    return Mesh(corners * half_size, np.concatenate([sides[:, [0, 1, 2]], sides[:, [0, 2, 3]]]))


def sphere(radius: float) -> Mesh:
    """A sphere around the origin [m]."""
    return capsule(radius, 0.0)


def capsule(radius: float, height: float) -> Mesh:
    """A capsule along z around the origin; ``height`` is that of the cylinder between its caps [m]."""
    turn = np.linspace(0.0, np.pi / 2, SECTIONS // 4 + 1)
    cap = [(radius * float(np.cos(t)), radius * float(np.sin(t)) + height / 2) for t in turn[:-1]]
    upper = [*cap, (0.0, radius + height / 2)]
    lower = [(around, -z) for around, z in reversed(upper)]
    return revolved([*lower, *upper])


def cylinder(radius: float, height: float) -> Mesh:
    """A cylinder along z around the origin [m]."""
    low, high = -height / 2, height / 2
    return revolved([(0.0, low), (radius, low), (radius, low), (radius, high), (radius, high), (0.0, high)])


def cone(radius: float, height: float) -> Mesh:
    """A cone that stands on the origin, its tip along z [m]."""
    return revolved([(0.0, 0.0), (radius, 0.0), (radius, 0.0), (0.0, height)])


def revolved(profile: Sequence[tuple[float, float]]) -> Mesh:
    """The solid that a profile sweeps about z.

    Args:
        profile: distance from the axis and height of its points [m], from the bottom to the top; where two in a row
            are equal is an edge.
    """
    angles = np.linspace(0.0, 2 * np.pi, SECTIONS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles), np.zeros(SECTIONS)], axis=-1)
    # On the axis a circle is one point.
    rings = [circle[: 1 if radius == 0.0 else SECTIONS] * radius + (0.0, 0.0, z) for radius, z in profile]
    starts = np.cumsum([0, *(len(ring) for ring in rings[:-1])])
    here, beside = np.arange(SECTIONS), np.arange(1, SECTIONS + 1)
    faces = []
    for k, (below, above) in enumerate(pairwise(rings)):
        if profile[k] == profile[k + 1]:
            continue
        a, b = starts[k] + here % len(below), starts[k] + beside % len(below)
        c, d = starts[k + 1] + here % len(above), starts[k + 1] + beside % len(above)
        if len(below) > 1:
            faces.append(np.stack([a, b, d], axis=-1))
        if len(above) > 1:
            faces.append(np.stack([a, d, c], axis=-1))
    return Mesh(np.concatenate(rings), np.concatenate(faces))
