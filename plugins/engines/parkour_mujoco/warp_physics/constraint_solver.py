"""Newton's constraint solver as one kernel, in which each world goes on until it is done itself.

MuJoCo Warp's launches some ten kernels for every pass over all worlds, until the slowest is done: a robot that walks
needs 1.6 passes, one of 8192 needs 8. The method is the same, the minimum of a convex cost that is quadratic in pieces
by Newton steps with an exact line search (https://mujoco.readthedocs.io/en/stable/computation/index.html).
"""

# Warp's kernels are Python only in their syntax; mujoco's classes are compiled and ship no stubs.
# pyright: reportIndexIssue=false, reportArgumentType=false, reportOperatorIssue=false, reportCallIssue=false
# pyright: reportInvalidTypeForm=false, reportAttributeAccessIssue=false, reportAssignmentType=false
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import mujoco
import mujoco_warp
import numpy as np
import warp as wp

wp.set_module_options({"enable_backward": False})

LANES = 32
"""Threads that share a world on a GPU: a warp."""
WORLDS = 2
"""In a block of threads: a GPU's processor runs 32 blocks at a time, and 64 warps."""
MOST_DOFS = LANES - 1
"""A thread has a row of the Hessian, and one more the gradient."""
SHARED_MEMORY = 48 * 1024
"""Of a block of threads [bytes]: what every GPU has."""

_BODY = (Path(__file__).parent / "constraint_solver.cuh").read_text()


@wp.struct
class Problem:
    """What the solver reads and writes, by MuJoCo's names; ``J``, ``D`` and ``aref`` are the constraints'."""

    tolerance: wp.array(dtype=float)
    ls_tolerance: wp.array(dtype=float)
    meaninertia: wp.array(dtype=float)
    mass_i: wp.array(dtype=int)
    mass_j: wp.array(dtype=int)
    ne: wp.array(dtype=int)
    nf: wp.array(dtype=int)
    nefc: wp.array(dtype=int)
    mass: wp.array2d(dtype=float)
    J: wp.array3d(dtype=float)
    D: wp.array2d(dtype=float)
    aref: wp.array2d(dtype=float)
    frictionloss: wp.array2d(dtype=float)
    qfrc_smooth: wp.array2d(dtype=float)
    qacc_warmstart: wp.array2d(dtype=float)
    qacc: wp.array2d(dtype=float)
    qfrc_constraint: wp.array2d(dtype=float)
    Ma: wp.array2d(dtype=float)
    force: wp.array2d(dtype=float)
    niter: wp.array(dtype=int)


class ConstraintSolver:
    """Solves for the accelerations and constraint forces of all worlds.

    Args:
        model: compiled.
        device: Warp's.
    """

    def __init__(self, model: mujoco.MjModel, device: Any) -> None:
        rows = np.repeat(np.arange(model.nv), model.M_rownnz)
        columns = [model.M_colind[at : at + count] for at, count in zip(model.M_rowadr, model.M_rownnz, strict=True)]
        with wp.ScopedDevice(device):
            self._mass_i, self._mass_j = wp.array(rows, dtype=int), wp.array(np.concatenate(columns), dtype=int)
        self._dofs, self._lanes = model.nv, LANES if wp.get_device(device).is_cuda else 1

    @staticmethod
    def obstacle(model: mujoco.MjModel, rows: int) -> str | None:
        """Why it does not serve this model with room for ``rows`` constraints; None where it does."""
        if model.nv > MOST_DOFS:
            return f"its model has {model.nv} degrees of freedom, more than {MOST_DOFS}"
        if _memory(model.nv, rows) > SHARED_MEMORY:
            return f"there is room for {rows} constraints, more than fit in a GPU's shared memory"
        if model.opt.jacobian == mujoco.mjtJacobian.mjJAC_SPARSE.value:
            return "its model asks for sparse Jacobians"
        if model.opt.cone != mujoco.mjtCone.mjCONE_PYRAMIDAL.value:
            return "its friction cones are elliptic"
        if model.opt.solver != mujoco.mjtSolver.mjSOL_NEWTON.value:
            return "its model asks for another solver"
        return None

    def solve(self, model: Any, data: Any) -> None:
        """What ``mujoco_warp.fwd_acceleration`` and ``solve`` do; the accelerations without constraints, which nothing
        needs, are left out."""
        wp.launch(
            _add_up_forces,
            dim=data.qfrc_smooth.shape,
            inputs=[data.qfrc_passive, data.qfrc_bias, data.qfrc_actuator, data.qfrc_applied],
            outputs=[data.qfrc_smooth],
        )
        mujoco_warp.xfrc_accumulate(model, data, data.qfrc_smooth)
        wp.launch(
            _kernel(self._dofs, int(data.njmax), len(self._mass_i)),
            dim=data.nworld * self._lanes,
            block_dim=LANES * WORLDS,
            inputs=[self._problem(model, data), self._lanes, model.opt.iterations, model.opt.ls_iterations],
        )

    def _problem(self, model: Any, data: Any) -> Problem:
        problem = Problem()
        problem.mass_i, problem.mass_j, problem.mass = self._mass_i, self._mass_j, data.M
        problem.meaninertia, problem.niter = model.stat.meaninertia, data.solver_niter
        problem.tolerance, problem.ls_tolerance = model.opt.tolerance, model.opt.ls_tolerance
        for name in ("ne", "nf", "nefc", "qfrc_smooth", "qacc_warmstart", "qacc", "qfrc_constraint"):
            setattr(problem, name, getattr(data, name))
        for name in ("J", "D", "aref", "frictionloss", "Ma", "force"):
            setattr(problem, name, getattr(data.efc, name))
        return problem


def _memory(dofs: int, rows: int) -> int:
    """Shared memory of a block [bytes]; the arrays of constraint_solver.cuh."""
    return 4 * WORLDS * ((2 * dofs + 1) * (dofs | 1) + 5 * dofs + 3 * rows)


@wp.kernel
def _add_up_forces(
    passive: wp.array2d(dtype=float),
    bias: wp.array2d(dtype=float),
    actuator: wp.array2d(dtype=float),
    applied: wp.array2d(dtype=float),
    out: wp.array2d(dtype=float),
):
    n, i = wp.tid()
    out[n, i] = passive[n, i] - bias[n, i] + actuator[n, i] + applied[n, i]


@cache
def _kernel(dofs: int, rows: int, entries: int) -> Any:
    """For worlds of this size."""
    sizes = {"DOFS": dofs, "ROWS": rows, "ENTRIES": entries, "WORLDS": WORLDS}
    constants = "".join(f"const int {name} = {size};\n" for name, size in sizes.items())

    @wp.func_native(constants + _BODY)
    def solve(problem: Problem, world: int, lane: int, iterations: int, ls_iterations: int): ...

    @wp.kernel(module="unique", enable_backward=False)
    def solve_constraints(problem: Problem, lanes: int, iterations: int, ls_iterations: int):
        thread = wp.tid()
        solve(problem, thread // lanes, thread % lanes, iterations, ls_iterations)

    return solve_constraints
