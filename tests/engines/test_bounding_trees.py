"""Trees made anew for courses that differ: the same contacts as without trees, and trees that hold what they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

mujoco: Any = pytest.importorskip("mujoco")
from parkour_mujoco.bounding_trees import BoundingTree, bodies_with_boxes  # noqa: E402

pytestmark = pytest.mark.mujoco

BOXES, BALLS = 13, 40
NO_TREES = int(mujoco.mjtDisableBit.mjDSBL_MIDPHASE)


def model() -> Any:
    """A fixed body of boxes, turned and off its origin, and balls that may touch them."""
    spec = mujoco.MjSpec()
    course = spec.worldbody.add_body(name="course", pos=[0.3, -0.2, 0.1], quat=[0.9, 0.1, 0.3, 0.2])
    for i in range(BOXES):
        course.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.5, 0.4, 0.3], pos=[0.3 * i, 0.1 * i, -2.0 * i])
    for _ in range(BALLS):
        ball = spec.worldbody.add_body()
        ball.add_freejoint()
        ball.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.2, 0, 0], contype=1, conaffinity=0)
        ball.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.1, 0, 0], pos=[0.3, 0, 0], contype=1, conaffinity=0)
    return spec.compile()


def scattered(rng: np.random.Generator) -> Any:
    """A model whose boxes and balls are anywhere; a few boxes are parked below."""
    made = model()
    made.geom_pos[:BOXES] = rng.uniform((-4, -1, -0.5), (4, 1, 0.5), (BOXES, 3))
    made.geom_pos[:3, 2] = -50.0 - 2.0 * np.arange(3)
    quat = rng.normal(size=(BOXES, 4))
    made.geom_quat[:BOXES] = quat / np.linalg.norm(quat, axis=-1, keepdims=True)
    half = rng.uniform(0.05, 0.8, (BOXES, 3))
    made.geom_size[:BOXES], made.geom_aabb[:BOXES, 3:] = half, half
    made.geom_rbound[:BOXES] = np.linalg.norm(half, axis=-1)
    made.geom_sameframe[:] = 0
    made.body_sameframe[:] = 0
    return made


def contacts(made: Any, places: np.ndarray) -> set[tuple[int, int]]:
    data = mujoco.MjData(made)
    data.qpos.reshape(BALLS, 7)[:, :3] = places
    mujoco.mj_forward(made, data)
    return {(int(a), int(b)) for a, b in data.contact.geom[: data.ncon]}


def test_contacts_are_those_that_brute_force_finds() -> None:
    rng = np.random.default_rng(0)
    models = [scattered(rng) for _ in range(6)]
    (body,) = bodies_with_boxes(models[0])
    BoundingTree(models[0], body).update(models)
    found = 0
    for made in models:
        places = rng.uniform((-4, -1, -1), (4, 1, 1), (BALLS, 3))
        with_tree = contacts(made, places)
        made.opt.disableflags |= NO_TREES
        assert with_tree == contacts(made, places)
        found += len(with_tree)
    assert found > 60, "there must be contacts to miss"


def test_a_stale_tree_misses_contacts() -> None:
    """Or the test above would show nothing."""
    made = scattered(np.random.default_rng(0))
    places = np.random.default_rng(1).uniform((-4, -1, -1), (4, 1, 1), (BALLS, 3))
    stale = contacts(made, places)
    made.opt.disableflags |= NO_TREES
    assert stale < contacts(made, places)


def test_gives_the_compiler_s_volumes_for_the_compiler_s_geoms() -> None:
    """The root holds all boxes, and each leaf its own, in the frame that MuJoCo expects."""
    made = model()
    (body,) = bodies_with_boxes(made)
    nodes = slice(made.body_bvhadr[body], made.body_bvhadr[body] + made.body_bvhnum[body])
    before, ids = made.bvh_aabb[nodes].copy(), made.bvh_nodeid[nodes].copy()
    BoundingTree(made, body).update([made])
    after, now = made.bvh_aabb[nodes], made.bvh_nodeid[nodes]
    np.testing.assert_allclose(after[0], before[0], atol=1e-9)
    for geom in range(BOXES):
        np.testing.assert_allclose(after[now == geom][0], before[ids == geom][0], atol=1e-9)
    assert sorted(now[now >= 0]) == list(range(BOXES))
