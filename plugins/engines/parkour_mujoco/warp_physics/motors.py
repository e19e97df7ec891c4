"""The motors as a kernel, so that a whole control step is one CUDA graph."""

# Warp's kernels are Python only in their syntax.
# pyright: reportIndexIssue=false, reportArgumentType=false, reportOperatorIssue=false, reportCallIssue=false
# pyright: reportInvalidTypeForm=false, reportAssignmentType=false, reportGeneralTypeIssues=false

from __future__ import annotations

from typing import Any

import torch
import warp as wp
from torch import Tensor

from parkour_mujoco.motors import DcMotors

wp.set_module_options({"enable_backward": False})


@wp.kernel
def _torques(
    target: wp.array2d(dtype=float),
    qpos: wp.array2d(dtype=float),
    qvel: wp.array2d(dtype=float),
    joint_q: wp.array(dtype=int),
    joint_v: wp.array(dtype=int),
    stiffness: wp.array2d(dtype=float),
    damping: wp.array2d(dtype=float),
    strength: wp.array2d(dtype=float),
    saturation: wp.array(dtype=float),
    limit: wp.array(dtype=float),
    slope: wp.array(dtype=float),
    fastest: wp.array(dtype=float),
    ctrl: wp.array2d(dtype=float),
):
    """:meth:`DcMotors.torque`, for joint ``j`` of world ``n``."""
    n, j = wp.tid()
    speed = qvel[n, joint_v[j]]
    wanted = stiffness[n, j] * (target[n, j] - qpos[n, joint_q[j]]) - damping[n, j] * speed
    drop = slope[j] * wp.clamp(speed, -fastest[j], fastest[j])
    most = wp.min(saturation[j] - drop, limit[j])
    least = wp.max(-saturation[j] - drop, -limit[j])
    torque = wp.clamp(wanted, least, most)
    # Of a robot whose state is no number torch gives none either; Warp's clamp would give a bound.
    if wp.isnan(wanted):
        torque = wanted
    ctrl[n, j] = strength[n, 0] * torque


class WarpMotors:
    """Writes the controls of all worlds, from joint targets in :attr:`target`.

    Args:
        motors: whose gains and limits are read where they are: what randomization writes there counts.
        joint_q: ``[J]`` addresses of the joints in qpos, in the order of the controls.
        joint_v: ``[J]`` in qvel.
        device: Warp's.
    """

    def __init__(self, motors: DcMotors, joint_q: Tensor, joint_v: Tensor, device: Any) -> None:
        self.target = wp.zeros(tuple(motors.stiffness.shape), dtype=float, device=device)
        """``[N, J]`` [rad]."""
        # Kept: Warp's arrays use the tensors' memory.
        self._tensors = joint_q.to(torch.int32), joint_v.to(torch.int32), motors
        table = (motors.stiffness, motors.damping, motors.strength, *motors.line)
        self._places = [wp.from_torch(values) for values in self._tensors[:2]]
        self._numbers = [wp.from_torch(values, requires_grad=False) for values in table]

    def write(self, data: Any) -> None:
        """``ctrl``, from the state as it is."""
        wp.launch(
            _torques,
            dim=self.target.shape,
            inputs=[self.target, data.qpos, data.qvel, *self._places, *self._numbers],
            outputs=[data.ctrl],
        )
