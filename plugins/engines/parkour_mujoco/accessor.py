"""The only place that reads robot state out of the simulator."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.context import RobotState
from parkour.mdp.measurement import Measurement
from parkour.mdp.robot import RobotLayout
from parkour.terrain.rays import rotation_matrix
from parkour_mujoco.robot_files import RobotFiles
from parkour_mujoco.scene import sensor_name
from parkour_mujoco.simulation import Simulation


class StateAccessor:
    """Reads a :class:`Measurement` in canonical order.

    Positions and velocities of base and joints come from the generalised coordinates and are up to date at any time.
    Contact forces are those of the last physics step, 0 after a reset. Feet are where they were at its beginning, until
    the environment brings positions up to date for the observations.
    """

    def __init__(self, sim: Simulation, device: str, layout: RobotLayout, files: RobotFiles) -> None:
        self._data, model = sim.data, sim.mj_model
        joints = [model.joint(f"robot/{name}") for name in layout.joints]
        long = lambda values: torch.tensor(values, dtype=torch.long, device=device)  # noqa: E731
        self.joint_q = long([int(j.qposadr[0]) for j in joints])
        """``[J]`` addresses of the joints in qpos."""
        self.joint_v = long([int(j.dofadr[0]) for j in joints])
        """``[J]`` addresses of the joints in qvel."""
        base = model.body(f"robot/{files.base_body}")
        free = model.joint(int(base.jntadr[0]))
        self.base_q = slice(int(free.qposadr[0]), int(free.qposadr[0]) + 7)
        self.base_v = slice(int(free.dofadr[0]), int(free.dofadr[0]) + 6)
        self._feet = long([model.geom(f"robot/{name}").id for name in files.foot_geoms])
        starts = [int(model.sensor(sensor_name(name)).adr[0]) for name in files.contact_geoms]
        self._forces = long([start + axis for start in starts for axis in range(3)])
        owners = [b for b, geoms in enumerate(files.body_geoms) for _ in geoms]
        # [B, G] sums the forces on a body's geoms.
        self._sum_geoms = torch.zeros(len(files.body_geoms), len(owners), device=device)
        self._sum_geoms[owners, range(len(owners))] = 1.0
        self._num_feet = layout.num_feet
        self._down = torch.tensor([0.0, 0.0, -1.0], device=device)

    def joint_pos(self) -> Tensor:
        """``[N, J]`` [rad]."""
        return self._data.qpos[:, self.joint_q]

    def joint_vel(self) -> Tensor:
        """``[N, J]`` [rad/s]."""
        return self._data.qvel[:, self.joint_v]

    def read(self, torque: Tensor) -> Measurement:
        """The state now; ``torque`` is what the motors gave in the last physics step, ``[N, J]`` [N m]."""
        pose, velocity = self._data.qpos[:, self.base_q].clone(), self._data.qvel[:, self.base_v].clone()
        quat = pose[:, 3:]
        rotation = rotation_matrix(quat)
        forces = self._data.sensordata[:, self._forces].unflatten(-1, (-1, 3))
        # A contact sensor gives the force that its geom exerts; terms read the force that acts on it.
        feet, others = -forces[:, : self._num_feet], -forces[:, self._num_feet :]
        robot = RobotState(
            base_pos=pose[:, :3],
            base_quat=quat,
            base_lin_vel_w=velocity[:, :3],
            base_lin_vel_b=_rotate_back(rotation, velocity[:, :3]),
            base_ang_vel_b=velocity[:, 3:],
            projected_gravity=-rotation[:, 2],
            roll=torch.atan2(rotation[:, 2, 1], rotation[:, 2, 2]),
            pitch=torch.asin(torch.clamp(-rotation[:, 2, 0], -1.0, 1.0)),
            yaw=torch.atan2(rotation[:, 1, 0], rotation[:, 0, 0]),
            joint_pos=self.joint_pos(),
            joint_vel=self.joint_vel(),
            joint_torque=torque,
            feet_pos=self._data.geom_xpos[:, self._feet],
        )
        return Measurement(robot, feet, self._sum_geoms @ others)


def _rotate_back(rotation: Tensor, vector: Tensor) -> Tensor:
    """World to body: ``R^T v``."""
    return torch.einsum("nij,ni->nj", rotation, vector)
