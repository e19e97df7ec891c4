"""The state a physics step later, where MuJoCo's implicit integration has nothing to solve for: one kernel.

It would solve (M - timestep * D) a = M a', with the derivatives D of the forces by velocities. Of a robot whose joints
have no damping and whose motors give the torque that they are told to, D is 0, and a is what the constraints' solver
found.
"""

# Warp's kernels are Python only in their syntax; mujoco's classes are compiled and ship no stubs.
# pyright: reportIndexIssue=false, reportArgumentType=false, reportOperatorIssue=false, reportCallIssue=false
# pyright: reportInvalidTypeForm=false, reportAttributeAccessIssue=false, reportAssignmentType=false
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from typing import Any

import mujoco
import warp as wp

wp.set_module_options({"enable_backward": False})

FREE = wp.constant(int(mujoco.mjtJoint.mjJNT_FREE.value))
BALL = wp.constant(int(mujoco.mjtJoint.mjJNT_BALL.value))


@wp.func
def _turn(qpos: wp.array2d(dtype=float), world: int, at: int, spin: wp.vec3, time: float):
    """Turn the quaternion (w, x, y, z) at ``at`` by ``spin`` [rad/s, in the body's frame] for ``time`` [s]."""
    now = wp.normalize(wp.quat(qpos[world, at + 1], qpos[world, at + 2], qpos[world, at + 3], qpos[world, at]))
    later = wp.normalize(now * wp.quat_from_axis_angle(wp.normalize(spin), time * wp.length(spin)))
    qpos[world, at] = later[3]
    for i in range(3):
        qpos[world, at + 1 + i] = later[i]


@wp.kernel
def _integrate(
    kinds: wp.array(dtype=int),
    positions: wp.array(dtype=int),
    dofs: wp.array(dtype=int),
    timestep: wp.array(dtype=float),
    qacc: wp.array2d(dtype=float),
    qpos: wp.array2d(dtype=float),
    qvel: wp.array2d(dtype=float),
    qacc_warmstart: wp.array2d(dtype=float),
    time: wp.array(dtype=float),
):
    world, joint = wp.tid()
    step = timestep[world % timestep.shape[0]]
    kind = kinds[joint]
    at = positions[joint]
    first = dofs[joint]
    count = 1
    if kind == FREE:
        count = 6
    if kind == BALL:
        count = 3
    for i in range(first, first + count):
        qacc_warmstart[world, i] = qacc[world, i]
        qvel[world, i] = qvel[world, i] + step * qacc[world, i]
    if kind == FREE:
        for i in range(3):
            qpos[world, at + i] = qpos[world, at + i] + step * qvel[world, first + i]
        spin = wp.vec3(qvel[world, first + 3], qvel[world, first + 4], qvel[world, first + 5])
        _turn(qpos, world, at + 3, spin, step)
    elif kind == BALL:
        spin = wp.vec3(qvel[world, first], qvel[world, first + 1], qvel[world, first + 2])
        _turn(qpos, world, at, spin, step)
    else:
        qpos[world, at] = qpos[world, at] + step * qvel[world, first]
    if joint == 0:
        time[world] = time[world] + step


class Integration:
    """Moves all worlds on.

    Args:
        model: compiled.
        device: Warp's.
    """

    def __init__(self, model: mujoco.MjModel, device: Any) -> None:
        tables = model.jnt_type, model.jnt_qposadr, model.jnt_dofadr
        self._joints = [wp.array(table, dtype=int, device=device) for table in tables]

    @staticmethod
    def obstacle(model: mujoco.MjModel) -> str | None:
        """What a joint or motor has that depends on its velocity, or that has a state of its own; None: nothing."""
        if model.dof_damping.any() or model.dof_dampingpoly.any() or model.actuator_damping.any():
            return "its joints have damping"
        torques = (model.actuator_gaintype == mujoco.mjtGain.mjGAIN_FIXED.value).all()
        torques = torques and (model.actuator_biastype == mujoco.mjtBias.mjBIAS_NONE.value).all()
        if not torques or model.na or model.nhistory:
            return "its motors are more than torques"
        return None

    def advance(self, model: Any, data: Any) -> None:
        """Velocities by ``qacc``, then positions by these."""
        wp.launch(
            _integrate,
            dim=(data.nworld, len(self._joints[0])),
            inputs=[*self._joints, model.opt.timestep, data.qacc],
            outputs=[data.qpos, data.qvel, data.qacc_warmstart, data.time],
        )
