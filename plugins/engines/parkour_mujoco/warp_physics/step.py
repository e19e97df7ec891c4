"""A physics step, put together of MuJoCo Warp's public functions as its own ``step`` is."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco
import mujoco_warp

from parkour_mujoco.warp_physics.broad_phase import NearPairs
from parkour_mujoco.warp_physics.contact_forces import ContactForces


class PhysicsStep:
    """Steps the worlds of a model; what it lacks a part of its own for is left to MuJoCo Warp.

    Args:
        model: compiled, with its options set.
        device: Warp's.
        near_pairs: find the pairs that may touch with :class:`NearPairs`, where it serves.
        contact_forces: sense with :class:`ContactForces`, where it serves.
    """

    def __init__(
        self, model: mujoco.MjModel, device: Any, *, near_pairs: bool = True, contact_forces: bool = True
    ) -> None:
        plain = _is_plain(model)
        self.near = NearPairs(model, device) if near_pairs and plain and NearPairs.serves(model) else None
        self.sensing = ContactForces(model, device) if contact_forces and ContactForces.serves(model) else None
        self._stock = (self.near is None and self.sensing is None) or not plain

    def step(self, model: Any, data: Any) -> None:
        """Forces, and the state a physics step later."""
        if self._stock:
            mujoco_warp.step(model, data)
            return
        self.forward(model, data)
        mujoco_warp.implicit(model, data)

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
        mujoco_warp.fwd_acceleration(model, data, factorize=True)
        mujoco_warp.solve(model, data)
        if self.sensing is None:
            data.sensordata.zero_()
            mujoco_warp.sensor_acc(model, data)
        else:
            self.sensing.sense(data)


def _is_plain(model: mujoco.MjModel) -> bool:
    """Whether the model has nothing that only MuJoCo Warp's own step cares for: tendons, sleep, energy, other sensors,
    another integrator."""
    options = model.opt
    accelerations = (model.sensor_needstage == mujoco.mjtStage.mjSTAGE_ACC.value).all()
    implicit = options.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST.value
    return bool(model.ntendon == 0 and model.nflex == 0 and options.enableflags == 0 and accelerations and implicit)
