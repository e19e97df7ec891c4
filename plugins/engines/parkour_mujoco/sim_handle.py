"""What events may change in the simulator."""

from __future__ import annotations

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.managers.event_manager import RecomputeLevel
from torch import Tensor

from parkour.mdp.robot import RobotLayout
from parkour.mdp.task_mdp import TaskMdp
from parkour_mujoco.accessor import StateAccessor
from parkour_mujoco.motors import DcMotors
from parkour_mujoco.native_sim import NativeSimulation
from parkour_mujoco.robot_files import RobotFiles

COURSE_FIELDS = ("geom_pos", "geom_quat", "geom_size", "geom_rbound", "geom_aabb")
"""Model fields that differ from world to world because the courses do; without any one of them robots fall through."""
RANDOMISED_FIELDS = ("geom_friction", "body_mass", "body_inertia", "body_ipos")
DERIVED_FIELDS = ("body_subtreemass", "dof_invweight0", "body_invweight0", "tendon_length0", "tendon_invweight0")
"""Recomputed from masses at startup; per world as well."""


class MujocoSimHandle:
    """See :class:`parkour.mdp.events.SimHandle`."""

    def __init__(
        self,
        env: ManagerBasedRlEnv,
        accessor: StateAccessor,
        motors: DcMotors,
        mdp: TaskMdp,
        layout: RobotLayout,
        files: RobotFiles,
    ) -> None:
        self.num_envs, self.device, self.layout = env.num_envs, str(env.device), layout
        self._sim, self._accessor, self._motors, self._mdp = env.sim, accessor, motors, mdp
        model = env.sim.mj_model
        ids = lambda kind, names: torch.tensor([kind(f"robot/{n}").id for n in names], device=env.device)  # noqa: E731
        self._geoms = ids(model.geom, files.contact_geoms)
        self._base = model.body(f"robot/{files.base_body}").id
        self._base_mass = float(model.body_mass[self._base])
        self._base_inertia = torch.tensor(model.body_inertia[self._base], dtype=torch.float32, device=env.device)
        self._base_com = torch.tensor(model.body_ipos[self._base], dtype=torch.float32, device=env.device)
        self._masses_changed = False
        course = [i for i in range(model.ngeom) if model.geom(i).name.startswith("course/")]
        self._boxes = torch.tensor(course, device=env.device)

    # -- events --------------------------------------------------------------------------------------------------

    def set_friction(self, env_ids: Tensor, friction: Tensor) -> None:
        self._sim.model.geom_friction[env_ids[:, None], self._geoms, 0] = friction[:, None]
        self._mdp.privileged.friction[env_ids, 0] = friction
        self._mark_changed(env_ids)

    def set_added_mass(self, env_ids: Tensor, mass: Tensor) -> None:
        total = self._base_mass + mass
        self._sim.model.body_mass[env_ids, self._base] = total
        self._sim.model.body_inertia[env_ids, self._base] = self._base_inertia * (total / self._base_mass)[:, None]
        self._mdp.privileged.added_mass[env_ids, 0] = mass
        self._masses_changed = True
        self._mark_changed(env_ids)

    def set_com_offset(self, env_ids: Tensor, offset: Tensor) -> None:
        self._sim.model.body_ipos[env_ids, self._base] = self._base_com + offset
        self._mdp.privileged.com_offset[env_ids] = offset
        self._masses_changed = True
        self._mark_changed(env_ids)

    def set_gain_scale(self, env_ids: Tensor, stiffness: Tensor, damping: Tensor) -> None:
        nominal = lambda values: torch.tensor(values, device=self.device)  # noqa: E731
        self._motors.stiffness[env_ids] = nominal(self.layout.stiffness) * stiffness
        self._motors.damping[env_ids] = nominal(self.layout.damping) * damping
        self._mdp.privileged.stiffness_scale[env_ids] = stiffness
        self._mdp.privileged.damping_scale[env_ids] = damping

    def set_joint_state(self, env_ids: Tensor, pos: Tensor, vel: Tensor) -> None:
        self._sim.data.qpos[env_ids[:, None], self._accessor.joint_q] = pos
        self._sim.data.qvel[env_ids[:, None], self._accessor.joint_v] = vel

    def set_base_state(self, env_ids: Tensor, pos: Tensor, yaw: Tensor) -> None:
        zero = torch.zeros_like(yaw)
        quat = torch.stack([torch.cos(yaw / 2), zero, zero, torch.sin(yaw / 2)], dim=-1)
        self._sim.data.qpos[env_ids, self._accessor.base_q] = torch.cat([pos, quat], dim=-1)
        self._sim.data.qvel[env_ids, self._accessor.base_v] = 0.0

    def set_base_velocity_xy(self, env_ids: Tensor, velocity: Tensor) -> None:
        start = self._accessor.base_v.start
        self._sim.data.qvel[env_ids, start : start + 2] = velocity

    def set_camera_pitch(self, env_ids: Tensor, error: Tensor) -> None:
        if self._mdp.camera is not None:
            self._mdp.camera.pitch_error[env_ids] = error

    def spawn(self, env_ids: Tensor) -> Tensor:
        return self._mdp.course.spawn[env_ids]

    # -- the engine's own ----------------------------------------------------------------------------------------

    def write_course(self, env_ids: Tensor, boxes: Tensor) -> None:
        """Show each world its patch: ``boxes`` is ``[M, K, 10]``, centre, quaternion, half extents."""
        model, rows = self._sim.model, env_ids[:, None]
        half = boxes[..., 7:]
        model.geom_pos[rows, self._boxes] = boxes[..., :3]
        model.geom_quat[rows, self._boxes] = boxes[..., 3:7]
        model.geom_size[rows, self._boxes] = half
        model.geom_rbound[rows, self._boxes] = torch.linalg.vector_norm(half, dim=-1)
        model.geom_aabb[rows, self._boxes, 1] = half
        self._mark_changed(env_ids)

    def finish_startup(self) -> None:
        """Recompute what the simulator derives from masses, once, if an event changed them."""
        if self._masses_changed:
            self._sim.recompute_constants(RecomputeLevel.set_const)

    def _mark_changed(self, env_ids: Tensor) -> None:
        if isinstance(self._sim, NativeSimulation):
            self._sim.mark_changed(env_ids)
