"""What events may change in the simulator."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable

import torch
from isaaclab.assets import Articulation
from torch import Tensor

from parkour.mdp.camera import MountingPart
from parkour.mdp.task_mdp import TaskMdp
from parkour_isaaclab.accessor import StateAccessor
from parkour_isaaclab.backends.backend import Backend
from parkour_isaaclab.motors import Motors


class IsaacSimHandle:
    """See :class:`parkour.mdp.events.SimHandle`.

    Args:
        robot: all robots.
        accessor: knows the asset's order of joints and bodies.
        mdp: its privileged state is kept in step.
        backend: what simulates.
        origins: gives ``[N, 3]``, where each environment's patch has its origin in the world [m].
    """

    def __init__(
        self,
        robot: Articulation,
        accessor: StateAccessor,
        mdp: TaskMdp,
        backend: Backend,
        origins: Callable[[], Tensor],
    ) -> None:
        self.num_envs, self.device, self.layout = robot.num_instances, str(robot.device), mdp.layout
        self._robot, self._accessor, self._mdp, self._origins = robot, accessor, mdp, origins
        self._backend = backend
        self.motors = Motors(robot, mdp.layout)
        """Their gains."""
        self._strength = torch.ones(self.num_envs, 1, device=self.device)
        self._bodies = [accessor.base]
        self._base_mass = robot.data.body_mass.torch[:, accessor.base].clone()
        self._base_inertia = robot.data.body_inertia.torch[:, accessor.base].clone()
        self._base_com = robot.data.body_com_pose_b.torch[:, accessor.base].clone()

    def set_friction(self, env_ids: Tensor, friction: Tensor) -> None:
        self._backend.set_friction(self._robot, env_ids, friction)
        self._mdp.privileged.friction[env_ids, 0] = friction

    def set_added_mass(self, env_ids: Tensor, mass: Tensor) -> None:
        total = self._base_mass[env_ids] + mass
        inertia = self._base_inertia[env_ids] * (total / self._base_mass[env_ids])[:, None]
        rows = env_ids.int()
        self._robot.set_masses_index(masses=total[:, None].contiguous(), body_ids=self._bodies, env_ids=rows)
        self._robot.set_inertias_index(inertias=inertia[:, None].contiguous(), body_ids=self._bodies, env_ids=rows)
        self._mdp.privileged.added_mass[env_ids, 0] = mass

    def set_com_offset(self, env_ids: Tensor, offset: Tensor) -> None:
        pose = self._base_com[env_ids].clone()
        pose[:, :3] += offset
        self._robot.set_coms_index(coms=pose[:, None].contiguous(), body_ids=self._bodies, env_ids=env_ids.int())
        self._mdp.privileged.com_offset[env_ids] = offset

    def set_gain_scale(self, env_ids: Tensor, stiffness: Tensor, damping: Tensor) -> None:
        self._mdp.privileged.stiffness_scale[env_ids] = stiffness
        self._mdp.privileged.damping_scale[env_ids] = damping
        self._write_gains(env_ids)

    def set_motor_strength(self, env_ids: Tensor, strength: Tensor) -> None:
        """Through the gains: the limits of the torques stay."""
        self._strength[env_ids] = strength[:, None]
        self._write_gains(env_ids)

    def _write_gains(self, env_ids: Tensor) -> None:
        scales, strength = self._mdp.privileged, self._strength[env_ids]
        self.motors.scale(env_ids, scales.stiffness_scale[env_ids] * strength, scales.damping_scale[env_ids] * strength)

    def set_joint_state(self, env_ids: Tensor, pos: Tensor, vel: Tensor) -> None:
        joints, rows = self._accessor.joint_ids, env_ids.int()
        self._robot.write_joint_position_to_sim_index(position=pos.contiguous(), joint_ids=joints, env_ids=rows)
        self._robot.write_joint_velocity_to_sim_index(velocity=vel.contiguous(), joint_ids=joints, env_ids=rows)

    def set_base_state(self, env_ids: Tensor, pos: Tensor, yaw: Tensor) -> None:
        zero = torch.zeros_like(yaw)
        quat = torch.stack([zero, zero, torch.sin(yaw / 2), torch.cos(yaw / 2)], dim=-1)  # Isaac Lab has w last
        pose = torch.cat([pos + self._origins()[env_ids], quat], dim=-1)
        self._robot.write_root_link_pose_to_sim_index(root_pose=pose, env_ids=env_ids.int())
        self._robot.write_root_link_velocity_to_sim_index(
            root_velocity=pose.new_zeros(len(pose), 6), env_ids=env_ids.int()
        )

    def set_base_velocity_xy(self, env_ids: Tensor, velocity: Tensor) -> None:
        wanted = self._accessor.base_velocity_w()[env_ids]
        wanted[:, :2] = velocity
        self._robot.write_root_link_velocity_to_sim_index(root_velocity=wanted, env_ids=env_ids.int())

    def set_camera_mounting(self, env_ids: Tensor, part: MountingPart, error: Tensor) -> None:
        if self._mdp.camera is not None:
            self._mdp.camera.mounting_error[part][env_ids] = error

    def spawn(self, env_ids: Tensor) -> Tensor:
        return self._mdp.course.spawn[env_ids]
