"""What events may change in the simulator."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable

import torch
from isaaclab.assets import Articulation
from torch import Tensor

from parkour.mdp.camera import MountingPart
from parkour.mdp.robot import RobotLayout
from parkour.mdp.task_mdp import TaskMdp
from parkour_isaaclab.accessor import StateAccessor


class IsaacSimHandle:
    """See :class:`parkour.mdp.events.SimHandle`. PhysX takes masses and materials from the host, whatever the device.

    Args:
        robot: all robots.
        accessor: knows the asset's order of joints and bodies.
        mdp: its privileged state is kept in step.
        layout: the robot.
        origins: gives ``[N, 3]``, where each environment's patch has its origin in the world [m].
    """

    def __init__(
        self,
        robot: Articulation,
        accessor: StateAccessor,
        mdp: TaskMdp,
        layout: RobotLayout,
        origins: Callable[[], Tensor],
    ) -> None:
        self.num_envs, self.device, self.layout = robot.num_instances, str(robot.device), layout
        self._robot, self._accessor, self._mdp, self._origins = robot, accessor, mdp, origins
        self._strength = torch.ones(self.num_envs, 1, device=self.device)
        self._view = robot.root_physx_view
        self._base_mass = self._view.get_masses()[:, accessor.base].clone()
        self._base_inertia = self._view.get_inertias()[:, accessor.base].clone()
        self._base_com = self._view.get_coms()[:, accessor.base, :3].clone()

    def set_friction(self, env_ids: Tensor, friction: Tensor) -> None:
        """The course's friction is 1 and multiplied by the robot's, so that the robot's is what counts."""
        rows, values = _host(env_ids), _host(friction)
        materials = self._view.get_material_properties()
        materials[rows, :, :2] = values[:, None, None]
        self._view.set_material_properties(materials, rows.int())
        self._mdp.privileged.friction[env_ids, 0] = friction

    def set_added_mass(self, env_ids: Tensor, mass: Tensor) -> None:
        rows, base = _host(env_ids), self._accessor.base
        total = self._base_mass[rows] + _host(mass)
        masses, inertias = self._view.get_masses(), self._view.get_inertias()
        masses[rows, base] = total
        inertias[rows, base] = self._base_inertia[rows] * (total / self._base_mass[rows])[:, None]
        self._view.set_masses(masses, rows.int())
        self._view.set_inertias(inertias, rows.int())
        self._mdp.privileged.added_mass[env_ids, 0] = mass

    def set_com_offset(self, env_ids: Tensor, offset: Tensor) -> None:
        rows = _host(env_ids)
        poses = self._view.get_coms()
        poses[rows, self._accessor.base, :3] = self._base_com[rows] + _host(offset)
        self._view.set_coms(poses, rows.int())
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
        nominal = lambda values: torch.tensor(values, device=self.device)  # noqa: E731
        scales, strength = self._mdp.privileged, self._strength[env_ids]
        kp = nominal(self.layout.stiffness) * scales.stiffness_scale[env_ids] * strength
        kd = nominal(self.layout.damping) * scales.damping_scale[env_ids] * strength
        for actuator in self._robot.actuators.values():
            columns = [self.layout.joints.index(name) for name in actuator.joint_names]
            actuator.stiffness[env_ids] = kp[:, columns]
            actuator.damping[env_ids] = kd[:, columns]

    def set_joint_state(self, env_ids: Tensor, pos: Tensor, vel: Tensor) -> None:
        self._robot.write_joint_state_to_sim(pos, vel, joint_ids=self._accessor.joints, env_ids=env_ids)

    def set_base_state(self, env_ids: Tensor, pos: Tensor, yaw: Tensor) -> None:
        zero = torch.zeros_like(yaw)
        quat = torch.stack([torch.cos(yaw / 2), zero, zero, torch.sin(yaw / 2)], dim=-1)
        pose = torch.cat([pos + self._origins()[env_ids], quat], dim=-1)
        self._robot.write_root_link_pose_to_sim(pose, env_ids=env_ids)
        self._robot.write_root_link_velocity_to_sim(pose.new_zeros(len(pose), 6), env_ids=env_ids)

    def set_base_velocity_xy(self, env_ids: Tensor, velocity: Tensor) -> None:
        wanted = self._accessor.base_velocity_w()[env_ids]
        wanted[:, :2] = velocity
        self._robot.write_root_link_velocity_to_sim(wanted, env_ids=env_ids)

    def set_camera_mounting(self, env_ids: Tensor, part: MountingPart, error: Tensor) -> None:
        if self._mdp.camera is not None:
            self._mdp.camera.mounting_error[part][env_ids] = error

    def spawn(self, env_ids: Tensor) -> Tensor:
        return self._mdp.course.spawn[env_ids]


def _host(values: Tensor) -> Tensor:
    return values.detach().cpu()
