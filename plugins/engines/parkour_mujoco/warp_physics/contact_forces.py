"""What each shape of the robot exerts, straight from the solver's constraint forces: one kernel over the contacts.

MuJoCo's contact sensors give the same numbers after matching each contact with each sensor and sorting.
"""

# Warp's kernels are Python only in their syntax; mujoco's classes are compiled and ship no stubs.
# pyright: reportIndexIssue=false, reportArgumentType=false, reportOperatorIssue=false, reportCallIssue=false
# pyright: reportInvalidTypeForm=false, reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import warp as wp

wp.set_module_options({"enable_backward": False})

Friction = wp.types.vector(length=5, dtype=float)
NONE = -1


@wp.func
def _row(forces: wp.array2d(dtype=float), world: int, row: int, rows: int) -> float:
    """Force of a constraint row; a row for which there was no room has none."""
    if row >= 0 and row < rows:
        return forces[world, row]
    return 0.0


@wp.kernel
def _add_contact_forces(
    contacts: wp.array(dtype=int),
    most: int,
    rows: int,
    geoms: wp.array(dtype=wp.vec2i),
    worlds: wp.array(dtype=int),
    frames: wp.array(dtype=wp.mat33),
    frictions: wp.array(dtype=Friction),
    dims: wp.array(dtype=int),
    addresses: wp.array2d(dtype=int),
    efc_force: wp.array2d(dtype=float),
    places: wp.array(dtype=int),
    out: wp.array2d(dtype=float),
):
    contact = wp.tid()
    if contact >= wp.min(contacts[0], most):
        return
    first = addresses[contact, 0]
    if first < 0:
        return
    world = worlds[contact]
    dim = dims[contact]
    local = wp.vec3(0.0)
    if dim == 1:
        local[0] = _row(efc_force, world, first, rows)
    else:
        # A pyramid's edges, in pairs to both sides of the normal: all press along it, the difference is friction.
        for i in range(dim - 1):
            one = _row(efc_force, world, first + 2 * i, rows)
            other = _row(efc_force, world, first + 2 * i + 1, rows)
            local[0] += one + other
            if i < 2:
                local[i + 1] = (one - other) * frictions[contact][i]
    force = wp.transpose(frames[contact]) * local
    pair = geoms[contact]
    for side in range(2):
        place = places[pair[side]]
        if place >= 0:
            sign = 1.0 - 2.0 * float(side)
            for axis in range(3):
                wp.atomic_add(out, world, place + axis, sign * force[axis])


class ContactForces:
    """Fills ``sensordata`` where the model has contact sensors that sum up a geom's forces.

    Args:
        model: compiled.
        device: Warp's.
    """

    def __init__(self, model: mujoco.MjModel, device: Any) -> None:
        places = np.full(model.ngeom, NONE, np.int32)
        places[model.sensor_objid] = model.sensor_adr
        self._places = wp.array(places, dtype=int, device=device)

    @staticmethod
    def obstacle(model: mujoco.MjModel) -> str | None:
        """Why not all that is sensed are the net forces of single geoms, with pyramidal cones; None where they are."""
        sums = (model.sensor_type == mujoco.mjtSensor.mjSENS_CONTACT.value).all()
        of_geoms = (model.sensor_objtype == mujoco.mjtObj.mjOBJ_GEOM.value).all()
        with_anything = (model.sensor_reftype == mujoco.mjtObj.mjOBJ_UNKNOWN.value).all()
        force = 1 << mujoco.mjtConDataField.mjCONDATA_FORCE.value
        net = (model.sensor_intprm[:, :2] == (force, 3)).all() and (model.sensor_dim == 3).all()
        apart = len(set(model.sensor_objid.tolist())) == model.nsensor and not model.sensor_cutoff.any()
        if not (sums and of_geoms and with_anything and net and apart):
            return "its model senses more than the net forces of single shapes"
        if model.opt.cone != mujoco.mjtCone.mjCONE_PYRAMIDAL.value:
            return "its friction cones are elliptic"
        return None

    def sense(self, data: Any) -> None:
        """After the solver: what every geom exerts [N], in the world's frame."""
        contact = data.contact
        data.sensordata.zero_()
        wp.launch(
            _add_contact_forces,
            dim=data.naconmax,
            inputs=[
                data.nacon,
                data.naconmax,
                data.njmax,
                contact.geom,
                contact.worldid,
                contact.frame,
                contact.friction,
                contact.dim,
                contact.efc_address,
                data.efc.force,
                self._places,
            ],
            outputs=[data.sensordata],
        )
