"""The fused constraint solver and integration against MuJoCo Warp's own, and the cost that both minimize."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.mujoco
mujoco = pytest.importorskip("mujoco")
mujoco_warp = pytest.importorskip("mujoco_warp")

WORLDS = 12
EVERYTHING = """
<mujoco>
  <option timestep="0.004" integrator="implicitfast" solver="Newton" cone="pyramidal" iterations="50"
          tolerance="1e-8" ls_iterations="50"/>
  <worldbody>
    <geom name="ground" type="plane" size="5 5 1"/>
    <body pos="0 0 0.3">
      <freejoint/>
      <geom type="capsule" size="0.06" fromto="-0.2 0 0 0.2 0 0" condim="{condim}"/>
      <body pos="0.2 0 0">
        <joint name="a" axis="0 1 0" range="-0.6 0.6" limited="true" frictionloss="0.4" armature="0.01"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0.2 0 -0.1" condim="1"/>
        <body pos="0.2 0 -0.1">
          <joint name="b" axis="0 1 0" range="-1 1" limited="true" frictionloss="0.2" armature="0.01"/>
          <geom type="sphere" size="0.04" condim="4"/>
        </body>
      </body>
      <body pos="-0.2 0 0">
        <joint name="c" type="{third}" axis="0 1 0" frictionloss="{third_loss}" armature="0.01"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 -0.2 0 -0.1" condim="6"/>
      </body>
    </body>
    <body pos="1 0 1">
      <joint name="d" axis="1 0 0" damping="{damping}"/>
      <geom type="box" size="0.1 0.2 0.05" contype="0" conaffinity="0"/>
    </body>
  </worldbody>
  <equality><joint joint1="b" joint2="d" polycoef="0.1 0.8 0 0 0"/></equality>
  <actuator><motor joint="a" gear="3"/><{motor} joint="d"/></actuator>
</mujoco>
"""
"""Constraints of every kind, several degrees of freedom of every kind, and motors."""


@pytest.fixture(autouse=True)
def on_the_cpu() -> Iterator[None]:
    """Where there is a GPU Warp launches there unless told otherwise."""
    import warp as wp

    with wp.ScopedDevice("cpu"):
        yield


def build(**changes: Any) -> Any:
    values = {"condim": 3, "third": "hinge", "third_loss": 0.3, "damping": 0, "motor": "motor"}
    return mujoco.MjModel.from_xml_string(EVERYTHING.format(**(values | changes)))


@dataclass
class Worlds:
    c_model: Any
    model: Any
    data: Any

    @classmethod
    def of(cls, model: Any, seed: int = 0) -> Worlds:
        """Thrown anyhow, near the ground, and pushed."""
        draw = np.random.default_rng(seed)
        one = mujoco.MjData(model)
        data = mujoco_warp.put_data(model, one, nworld=WORLDS, njmax=96)
        worlds = cls(model, mujoco_warp.put_model(model), data)
        qpos = np.repeat(model.qpos0[None], WORLDS, axis=0) + 0.4 * draw.standard_normal((WORLDS, model.nq))
        qpos[:, 2] = 0.05 + 0.2 * draw.random(WORLDS)
        qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7], axis=1, keepdims=True)
        for joint in range(1, model.njnt):
            if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_BALL.value:
                at = model.jnt_qposadr[joint]
                qpos[:, at : at + 4] /= np.linalg.norm(qpos[:, at : at + 4], axis=1, keepdims=True)
        pushes = np.zeros((WORLDS, model.nbody, 6))
        pushes[:, 1:] = 3.0 * draw.standard_normal((WORLDS, model.nbody - 1, 6))
        numbers = {"qpos": qpos, "qvel": draw.standard_normal((WORLDS, model.nv)), "xfrc_applied": pushes}
        numbers |= {"qfrc_applied": draw.standard_normal((WORLDS, model.nv))}
        numbers |= {"ctrl": 2.0 * draw.standard_normal((WORLDS, model.nu))}
        for name, values in numbers.items():
            getattr(worlds.data, name).assign(values.astype(np.float32))
        return worlds

    def __getattr__(self, name: str) -> np.ndarray:
        return getattr(self.data, name).numpy()

    def kept(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name).copy() for name in ("qpos", "qvel", "qacc_warmstart", "time")}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        for name, values in state.items():
            getattr(self.data, name).assign(values)


def steps(model: Any, device: str = "cpu", **parts: bool) -> Any:
    from parkour_mujoco.warp_physics.step import PhysicsStep

    found = PhysicsStep(model, device, near_pairs=False, contact_forces=False, **parts)
    assert found.solver is not None
    return found


def cost(worlds: Worlds, world: int, qacc: np.ndarray) -> float:
    """What constrained accelerations minimize (https://mujoco.readthedocs.io/en/stable/computation/index.html)."""
    mass = np.zeros((worlds.c_model.nv, worlds.c_model.nv))
    flat = worlds.M[world].astype(np.float64)
    for i, (count, at) in enumerate(zip(worlds.c_model.M_rownnz, worlds.c_model.M_rowadr, strict=True)):
        columns = worlds.c_model.M_colind[at : at + count]
        mass[i, columns] = mass[columns, i] = flat[at : at + count]
    rows = int(worlds.nefc[world])
    efc = worlds.data.efc
    jacobian = efc.J.numpy()[world, :rows, : worlds.c_model.nv].astype(np.float64)
    stiff, bound = (np.asarray(getattr(efc, name).numpy()[world, :rows], np.float64) for name in ("D", "frictionloss"))
    x = jacobian @ qacc - efc.aref.numpy()[world, :rows]
    first, second = int(worlds.ne[world]), int(worlds.ne[world] + worlds.nf[world])
    each = np.where(x < 0, 0.5 * stiff * x**2, 0.0)
    each[:first] = 0.5 * (stiff * x**2)[:first]
    knee = np.divide(bound, stiff)[first:second]
    y = np.abs(x[first:second])
    smooth = 0.5 * stiff[first:second] * y**2
    each[first:second] = np.where(y < knee, smooth, bound[first:second] * (y - 0.5 * knee))
    return float(0.5 * qacc @ mass @ qacc - qacc @ worlds.qfrc_smooth[world] + each.sum())


CASES: dict[str, dict[str, Any]] = {
    "four edges": {},
    "no friction": {"condim": 1},
    "torsion": {"condim": 4},
    "rolling": {"condim": 6},
    "a ball": {"third": "ball", "third_loss": 0},
    "a slide": {"third": "slide"},
}


@pytest.mark.parametrize("case", CASES)
def test_it_finds_what_mujoco_warps_solver_finds(case: str) -> None:
    model = build(**CASES[case])
    worlds = Worlds.of(model, seed=len(case))
    ours = steps(model)
    kinds = np.zeros(3)
    for _ in range(15):
        start = worlds.kept()
        mujoco_warp.step(worlds.model, worlds.data)
        later, force = worlds.kept(), worlds.data.efc.force.numpy().copy()
        theirs, carried = worlds.qacc.copy(), worlds.qfrc_constraint.copy()
        worlds.restore(start)
        ours.step(worlds.model, worlds.data)
        scale = 1.0 + np.abs(theirs).max(axis=1, keepdims=True)
        np.testing.assert_allclose(worlds.qacc / scale, theirs / scale, atol=2e-4)
        rows = np.arange(force.shape[1])[None] < worlds.nefc[:, None]
        np.testing.assert_allclose((worlds.data.efc.force.numpy() - force)[rows], 0.0, atol=1e-3 * scale.max())
        np.testing.assert_allclose(worlds.qfrc_constraint / scale, carried / scale, atol=1e-3)
        for name, values in later.items():
            np.testing.assert_allclose(getattr(worlds, name), values, atol=1e-4 * scale.max())
        for world in range(WORLDS):
            mine, best = (cost(worlds, world, np.asarray(qacc[world], np.float64)) for qacc in (worlds.qacc, theirs))
            assert mine <= best + 1e-3 + 1e-6 * abs(best)
        kinds += worlds.ne.sum(), worlds.nf.sum(), (worlds.nefc - worlds.ne - worlds.nf).sum()
    assert (kinds > 100).all()


def test_it_needs_no_more_iterations() -> None:
    model = build()
    worlds, ours, counts = Worlds.of(model), steps(model), np.zeros(2)
    for _ in range(20):
        start = worlds.kept()
        mujoco_warp.step(worlds.model, worlds.data)
        counts[1] += worlds.solver_niter.sum()
        worlds.restore(start)
        ours.step(worlds.model, worlds.data)
        counts[0] += worlds.solver_niter.sum()
    assert 20 * WORLDS < counts[0] < 1.1 * counts[1]


def test_it_stops_at_the_iterations_of_the_task() -> None:
    model = build()
    model.opt.iterations = 1
    worlds = Worlds.of(model)
    steps(model).step(worlds.model, worlds.data)
    assert (worlds.solver_niter == 1).all()


def test_without_constraints_it_is_the_free_motion() -> None:
    model = build()
    model.opt.disableflags = mujoco.mjtDisableBit.mjDSBL_CONSTRAINT.value
    from parkour_mujoco.warp_physics.constraint_solver import ConstraintSolver

    worlds = Worlds.of(model)
    mujoco_warp.forward(worlds.model, worlds.data)
    theirs = worlds.qacc_smooth.copy()
    assert (worlds.nefc == 0).all()
    ConstraintSolver(model, "cpu").solve(worlds.model, worlds.data)
    np.testing.assert_allclose(worlds.qacc, theirs, rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(worlds.qfrc_constraint, 0.0, atol=1e-4)


def test_more_constraints_than_there_is_room_for() -> None:
    model = build()
    worlds = Worlds.of(model)
    few = mujoco_warp.put_data(model, mujoco.MjData(model), nworld=WORLDS, njmax=4)
    for name in ("qpos", "qvel"):
        getattr(few, name).assign(getattr(worlds, name))
    worlds.data = few
    steps(model).step(worlds.model, few)
    assert (worlds.nefc > 4).any() and np.isfinite(worlds.qpos).all()


def test_a_broken_world_ends_and_leaves_the_others_alone() -> None:
    model = build()
    results = []
    for broken in (False, True):
        worlds = Worlds.of(model)
        if broken:
            qpos, qvel = worlds.qpos.copy(), worlds.qvel.copy()
            qpos[3], qvel[5] = np.nan, np.inf
            worlds.restore({"qpos": qpos, "qvel": qvel})
        steps(model).step(worlds.model, worlds.data)
        results.append(worlds.qacc)
    others = [i for i in range(WORLDS) if i not in (3, 5)]
    np.testing.assert_array_equal(results[0][others], results[1][others])
    assert not np.isfinite(results[1][[3, 5]]).any(axis=1).all()


def sparse(model: Any) -> None:
    model.opt.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE.value


def elliptic(model: Any) -> None:
    model.opt.cone = mujoco.mjtCone.mjCONE_ELLIPTIC.value


def conjugate(model: Any) -> None:
    model.opt.solver = mujoco.mjtSolver.mjSOL_CG.value


@pytest.mark.parametrize(
    ("change", "why"),
    [(sparse, "sparse"), (elliptic, "elliptic"), (conjugate, "another solver"), (None, "room for 9000")],
)
def test_what_it_does_not_serve(change: Callable[[Any], None] | None, why: str) -> None:
    from parkour_mujoco.warp_physics.step import PhysicsStep

    model = build()
    if change is not None:
        change(model)
    step = PhysicsStep(model, "cpu", constraints=9000 if change is None else 220)
    assert step.solver is None and why in step.left_out["solver=fused"]


def test_a_robot_of_many_joints_is_left_to_mujoco_warp() -> None:
    from parkour_mujoco.warp_physics.constraint_solver import ConstraintSolver

    joints = "".join(f"<body><joint/><geom size='0.1' pos='0 {i} 0'/></body>" for i in range(40))
    model = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{joints}</worldbody></mujoco>")
    assert "40 degrees of freedom" in (ConstraintSolver.obstacle(model, 220) or "")


@pytest.mark.parametrize(
    "changes",
    [{"damping": 0.7}, {"motor": 'velocity kv="2"'}, {"motor": 'position kp="3"'}],
    ids=["damping", "kv", "kp"],
)
def test_forces_that_follow_velocities_are_integrated_by_mujoco_warp(changes: dict[str, Any]) -> None:
    model = build(**changes)
    ours = steps(model)
    assert ours.integration is None
    worlds = Worlds.of(model)
    start = worlds.kept()
    mujoco_warp.step(worlds.model, worlds.data)
    later = worlds.kept()
    worlds.restore(start)
    ours.step(worlds.model, worlds.data)
    for name, values in later.items():
        np.testing.assert_allclose(getattr(worlds, name), values, rtol=1e-4, atol=2e-3)


def test_on_a_gpu() -> None:
    import warp as wp

    if not wp.is_cuda_available():
        pytest.skip("needs a GPU")
    for case, changes in CASES.items():
        model = build(**changes)
        results = []
        for device in ("cpu", "cuda:0"):
            with wp.ScopedDevice(device):
                worlds, ours = Worlds.of(model, seed=7), steps(model, device)
                for _ in range(5):
                    ours.step(worlds.model, worlds.data)
            results.append((worlds.qpos, worlds.qvel))
        for mine, theirs in zip(*results, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=5e-3, err_msg=case)
