"""Meshes of the page are closed, seen from outside, and as large as they should be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parkour.viewing.web.solids import Mesh, box, capsule, cone, cylinder, merged, sphere


def volume(mesh: Mesh) -> float:
    """Enclosed [m³]: less than nothing where faces are seen from inside."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


SOLIDS = [
    (box((0.5, 1.0, 1.5)), 6.0, (1.0, 2.0, 3.0)),
    (box((0.5, 1.0, 1.5)).unshared(), 6.0, (1.0, 2.0, 3.0)),
    (sphere(0.5), math.pi / 6, (1.0, 1.0, 1.0)),
    (sphere(1.0).scaled(np.array([0.1, 0.2, 0.3])), 4 / 3 * math.pi * 0.006, (0.2, 0.4, 0.6)),
    (capsule(0.1, 0.8), math.pi * 0.01 * (0.8 + 0.4 / 3), (0.2, 0.2, 1.0)),
    (cylinder(0.2, 0.6), math.pi * 0.04 * 0.6, (0.4, 0.4, 0.6)),
    (cone(0.2, 0.6), math.pi * 0.04 * 0.2, (0.4, 0.4, 0.6)),
]


@pytest.mark.parametrize(("mesh", "wanted", "extents"), SOLIDS)
def test_solids_are_closed_and_of_their_size(mesh: Mesh, wanted: float, extents: tuple[float, float, float]) -> None:
    assert volume(mesh) == pytest.approx(wanted, rel=0.03)
    # A surface with a hole encloses another volume about another point.
    assert volume(mesh.placed(np.eye(3), np.array([3.0, 5.0, 7.0]))) == pytest.approx(volume(mesh), rel=1e-6)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), extents, atol=1e-9)
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    assert (np.linalg.norm(np.cross(b - a, c - a), axis=-1) > 1e-9).all()


def test_meshes_are_turned_then_moved_and_merged() -> None:
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned = box((1.0, 2.0, 3.0)).placed(quarter, np.array([10.0, 0.0, 0.0]))
    np.testing.assert_allclose(turned.vertices.min(axis=0), (8.0, -1.0, -3.0))
    both = merged([turned, sphere(1.0)])
    assert volume(both) == pytest.approx(volume(turned) + volume(sphere(1.0)))
