"""A physics step, put together of MuJoCo Warp's public functions as its own ``step`` is."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco
import mujoco_warp

from parkour_mujoco.physics import SolverSettings
from parkour_mujoco.warp_physics.broad_phase import NearPairs, own_name
from parkour_mujoco.warp_physics.constraint_solver import ConstraintSolver
from parkour_mujoco.warp_physics.contact_forces import ContactForces
from parkour_mujoco.warp_physics.integration import Integration


class PhysicsStep:
    """Steps the worlds of a model; what it lacks a part of its own for is left to MuJoCo Warp.

    Args:
        model: compiled, with its options set.
        device: Warp's.
        near_pairs: find the pairs that may touch with :class:`NearPairs`, where it serves.
        contact_forces: sense with :class:`ContactForces`, where it serves.
        fused_solver: solve with :class:`ConstraintSolver`, where it serves, and move on with :class:`Integration`.
        constraints: room for those of a world.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        device: Any,
        *,
        near_pairs: bool = True,
        contact_forces: bool = True,
        fused_solver: bool = True,
        constraints: int = SolverSettings.constraints_per_world,
    ) -> None:
        self.left_out: dict[str, str] = {}
        """Parts of our own that do not serve this model, as a task names them, and why."""
        special = _what_is_special(model)
        self.near, self.sensing, self.solver, self.integration = None, None, None, None
        if near_pairs and self._serves("broad_phase=near", special or NearPairs.obstacle(model)):
            self.near = NearPairs(model, device)
        if contact_forces and self._serves("contact_forces=constraints", special or ContactForces.obstacle(model)):
            self.sensing = ContactForces(model, device)
        if fused_solver and self._serves("solver=fused", special or ConstraintSolver.obstacle(model, constraints)):
            self.solver = ConstraintSolver(model, device)
            if Integration.obstacle(model) is None:
                self.integration = Integration(model, device)
        self._stock = self.near is None and self.sensing is None and self.solver is None

    def _serves(self, part: str, obstacle: str | None) -> bool:
        if obstacle is not None:
            self.left_out[part] = obstacle
        return obstacle is None

    def step(self, model: Any, data: Any) -> None:
        """Forces, and the state a physics step later."""
        if self._stock:
            mujoco_warp.step(model, data)
            return
        self.forward(model, data)
        if self.integration is None:
            mujoco_warp.implicit(model, data)
        else:
            self.integration.advance(model, data)

    def forward(self, model: Any, data: Any) -> None:
        """Positions, contacts and forces of the state as it is."""
        if self._stock:
            mujoco_warp.forward(model, data)
            return
        mujoco_warp.fwd_kinematics(model, data)
        mujoco_warp.crb(model, data)
        if self.near is None:
            mujoco_warp.collision(model, data)
        else:
            self.near.collide(model, data)
        mujoco_warp.make_constraint(model, data)
        mujoco_warp.transmission(model, data)
        mujoco_warp.fwd_velocity(model, data)
        mujoco_warp.fwd_actuation(model, data)
        if self.solver is None:
            mujoco_warp.fwd_acceleration(model, data, factorize=True)
            mujoco_warp.solve(model, data)
        else:
            self.solver.solve(model, data)
        if self.sensing is None:
            data.sensordata.zero_()
            mujoco_warp.sensor_acc(model, data)
        else:
            self.sensing.sense(data)


def _what_is_special(model: mujoco.MjModel) -> str | None:
    """What the model has that only MuJoCo Warp's own step cares for; None: nothing."""
    options = model.opt
    if model.ntendon:
        return f"its model has the tendon {own_name(model.tendon(0))}"
    if model.nflex:
        return "its model bends"
    if options.enableflags or options.disableflags:
        return "its model has flags set"
    if (model.sensor_needstage != mujoco.mjtStage.mjSTAGE_ACC.value).any():
        return "its model has sensors of its own"
    if options.integrator != mujoco.mjtIntegrator.mjINT_IMPLICITFAST.value:
        return "its motion is integrated otherwise"
    return None
