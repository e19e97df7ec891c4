"""What events may change in the simulator."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from parkour.mdp.camera import MountingPart
from parkour.mdp.robot import RobotLayout
from parkour.mdp.task_mdp import TaskMdp
from parkour_mujoco.accessor import StateAccessor
from parkour_mujoco.motors import DcMotors
from parkour_mujoco.robot_files import RobotFiles
from parkour_mujoco.simulation import Simulation


class MujocoSimHandle:
    """See :class:`parkour.mdp.events.SimHandle`."""

    def __init__(
        self,
        sim: Simulation,
        accessor: StateAccessor,
        motors: DcMotors,
        mdp: TaskMdp,
        layout: RobotLayout,
        files: RobotFiles,
    ) -> None:
        self.num_envs, self.device, self.layout = mdp.num_envs, mdp.device, layout
        self._sim, self._accessor, self._motors, self._mdp = sim, accessor, motors, mdp
        model, device = sim.mj_model, mdp.device
        ids = lambda kind, names: torch.tensor([kind(f"robot/{n}").id for n in names], device=device)  # noqa: E731
        self._geoms = ids(model.geom, files.contact_geoms)
        self._base = model.body(f"robot/{files.base_body}").id
        self._base_mass = float(model.body_mass[self._base])
        self._base_inertia = torch.tensor(model.body_inertia[self._base], dtype=torch.float32, device=device)
        self._base_com = torch.tensor(model.body_ipos[self._base], dtype=torch.float32, device=device)
        self._rest = torch.zeros(mdp.num_envs, 6, device=device)
        self._masses_changed = False
        self._mask: Tensor | None = None
        self._stiffness = torch.tensor(layout.stiffness, device=device)
        self._damping = torch.tensor(layout.damping, device=device)
        course = [i for i in range(model.ngeom) if model.geom(i).name.startswith("course/")]
        # A slice where they follow one another: its rows are read and written without an index.
        self._boxes: Tensor | slice = torch.tensor(course, device=device)
        if course == list(range(course[0], course[0] + len(course))):
            self._boxes = slice(course[0], course[0] + len(course))

    @contextlib.contextmanager
    def only(self, mask: Tensor) -> Iterator[None]:
        """Write where ``mask`` (``[N]`` bool) is set and nowhere else; values are then given for all robots, in order.

        Shapes that do not depend on who is reset cause no host sync.
        """
        self._mask = mask
        try:
            yield
        finally:
            self._mask = None

    # -- events --------------------------------------------------------------------------------------------------

    def set_friction(self, env_ids: Tensor, friction: Tensor) -> None:
        self._write(self._sim.model.geom_friction, env_ids, friction[:, None], self._geoms, 0)
        self._write(self._mdp.privileged.friction, env_ids, friction[:, None])
        self._mark_changed(env_ids)

    def set_added_mass(self, env_ids: Tensor, mass: Tensor) -> None:
        total = self._base_mass + mass
        self._write(self._sim.model.body_mass, env_ids, total, self._base)
        inertia = self._base_inertia * (total / self._base_mass)[:, None]
        self._write(self._sim.model.body_inertia, env_ids, inertia, self._base)
        self._write(self._mdp.privileged.added_mass, env_ids, mass[:, None])
        self._masses_changed = True
        self._mark_changed(env_ids)

    def set_com_offset(self, env_ids: Tensor, offset: Tensor) -> None:
        self._write(self._sim.model.body_ipos, env_ids, self._base_com + offset, self._base)
        self._write(self._mdp.privileged.com_offset, env_ids, offset)
        self._masses_changed = True
        self._mark_changed(env_ids)

    def set_gain_scale(self, env_ids: Tensor, stiffness: Tensor, damping: Tensor) -> None:
        self._write(self._motors.stiffness, env_ids, self._stiffness * stiffness)
        self._write(self._motors.damping, env_ids, self._damping * damping)
        self._write(self._mdp.privileged.stiffness_scale, env_ids, stiffness)
        self._write(self._mdp.privileged.damping_scale, env_ids, damping)

    def set_motor_strength(self, env_ids: Tensor, strength: Tensor) -> None:
        self._write(self._motors.strength, env_ids, strength[:, None])

    def set_joint_state(self, env_ids: Tensor, pos: Tensor, vel: Tensor) -> None:
        self._write(self._sim.data.qpos, env_ids, pos, self._accessor.joint_q)
        self._write(self._sim.data.qvel, env_ids, vel, self._accessor.joint_v)

    def set_base_state(self, env_ids: Tensor, pos: Tensor, yaw: Tensor) -> None:
        half, rest = yaw[:, None] / 2, self._rest[: len(yaw)]
        pose = torch.cat([pos, torch.cos(half), rest[:, :2], torch.sin(half)], dim=-1)
        self._write(self._sim.data.qpos, env_ids, pose, self._accessor.base_q)
        self._write(self._sim.data.qvel, env_ids, rest, self._accessor.base_v)

    def set_base_velocity_xy(self, env_ids: Tensor, velocity: Tensor) -> None:
        start = self._accessor.base_v.start
        self._write(self._sim.data.qvel, env_ids, velocity, slice(start, start + 2))

    def set_camera_mounting(self, env_ids: Tensor, part: MountingPart, error: Tensor) -> None:
        if self._mdp.camera is not None:
            self._write(self._mdp.camera.mounting_error[part], env_ids, error)

    def spawn(self, env_ids: Tensor) -> Tensor:
        return self._mdp.course.spawn[env_ids]

    # -- the engine's own ----------------------------------------------------------------------------------------

    def write_course(self, begun: Tensor, boxes: Tensor) -> None:
        """Show each world its patch.

        Args:
            begun: ``[N]`` bool: whose patch is new.
            boxes: ``[N, K, 10]`` of all worlds: centre, quaternion, half extents.
        """
        model, half = self._sim.model, boxes[..., 7:]
        with self.only(begun):
            self._write(model.geom_pos, None, boxes[..., :3], self._boxes)
            self._write(model.geom_quat, None, boxes[..., 3:7], self._boxes)
            self._write(model.geom_size, None, half, self._boxes)
            self._write(model.geom_rbound, None, torch.linalg.vector_norm(half, dim=-1), self._boxes)
            self._write(model.geom_aabb, None, half, self._boxes, 1)
            self._mark_changed(begun)

    def finish_startup(self) -> None:
        """Recompute what the simulator derives from masses, once, if an event changed them."""
        if self._masses_changed:
            self._sim.recompute_constants()

    def _write(self, array: Tensor, env_ids: Tensor | None, values: Tensor, *where: Tensor | slice | int) -> None:
        """Put ``values`` into ``array[env_ids, *where]``; under a mask, into the rows that it lets through."""
        # The plain tensor: mjlab's wrapper would write in another CUDA stream, which no graph of torch's records.
        array = array[...]
        if self._mask is not None:
            place = (slice(None), *where)
            old = array[place]
            mask = self._mask.view(-1, *[1] * (old.ndim - 1))
            if any(isinstance(part, Tensor) for part in where):  # An index, which takes a copy.
                array[place] = torch.where(mask, values, old)
            else:
                torch.where(mask, values, old, out=old)
            return
        assert env_ids is not None
        rows = env_ids[:, None] if where and isinstance(where[0], Tensor) else env_ids
        array[(rows, *where)] = values

    def _mark_changed(self, env_ids: Tensor) -> None:
        self._sim.mark_changed(env_ids if self._mask is None else self._mask)
