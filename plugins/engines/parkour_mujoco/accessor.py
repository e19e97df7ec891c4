"""The only place that reads robot state out of the simulator."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.context import RobotState
from parkour.mdp.measurement import Measurement
from parkour.mdp.robot import RobotLayout
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
        # The base's and then the joints', to be read at once.
        self._all_q = torch.cat([long(range(self.base_q.start, self.base_q.stop)), self.joint_q])
        self._all_v = torch.cat([long(range(self.base_v.start, self.base_v.stop)), self.joint_v])
        self._feet = long([model.geom(f"robot/{name}").id for name in files.foot_geoms])
        starts = [int(model.sensor(sensor_name(name)).adr[0]) for name in files.contact_geoms]
        # Feet first, then as many geoms for each body as the one with most has: what a body lacks counts nothing.
        counts = [len(geoms) for geoms in files.body_geoms]
        most, first = max([1, *counts]), layout.num_feet
        order = list(range(first))
        for count in counts:
            order += [*range(first, first + count), *[0] * (most - count)]
            first += count
        self._forces = long([starts[geom] + axis for geom in order for axis in range(3)])
        counted = torch.arange(most, device=device) < long(counts)[:, None]
        self._counted = counted.unsqueeze(-1).float()
        """``[B, G, 1]`` 1 for a geom of the body's own, 0 for what is in place of one."""
        self._num_feet = layout.num_feet
        self._world_axes = torch.eye(3, device=device)

    def joint_pos(self) -> Tensor:
        """``[N, J]`` [rad]."""
        return self._data.qpos[:, self.joint_q]

    def joint_vel(self) -> Tensor:
        """``[N, J]`` [rad/s]."""
        return self._data.qvel[:, self.joint_v]

    def joint_torque(self) -> Tensor:
        """``[N, J]`` what the motors gave in the last physics step, 0 after a reset [N m]; the simulator's memory."""
        return self._data.ctrl[...]

    def read(self) -> Measurement:
        """The state now."""
        pos, vel = self._data.qpos[:, self._all_q], self._data.qvel[:, self._all_v]
        quat, lin_vel = pos[:, 3:7], vel[:, :3]
        axes = self._world_axes.expand(len(quat), 3, 3)
        turned = _rotate_back(quat, torch.cat([lin_vel[:, None], axes], dim=1))
        # The world's axes seen from the base are the rows of its rotation matrix.
        rotation = turned[:, 1:]
        gravity = -rotation[:, 2]
        yaw, roll = torch.atan2(rotation.diagonal(-1, 1, 2), rotation.diagonal(0, 1, 2)[:, ::2]).unbind(-1)
        # A contact sensor gives the force that its geom exerts; terms read the force that acts on it.
        forces = -self._data.sensordata[:, self._forces].unflatten(-1, (-1, 3))
        feet, others = forces[:, : self._num_feet], forces[:, self._num_feet :]
        robot = RobotState(
            base_pos=pos[:, :3],
            base_quat=quat,
            base_lin_vel_w=lin_vel,
            base_lin_vel_b=turned[:, 0],
            base_ang_vel_b=vel[:, 3:6],
            projected_gravity=gravity,
            roll=roll,
            pitch=torch.asin(torch.clamp(gravity[:, 0], -1.0, 1.0)),
            yaw=yaw,
            joint_pos=pos[:, 7:],
            joint_vel=vel[:, 6:],
            joint_torque=self.joint_torque(),
            feet_pos=self._data.geom_xpos[:, self._feet],
        )
        # A product with a matrix of ones and zeros would take eight times as long.
        of_bodies = others.unflatten(1, self._counted.shape[:2]) * self._counted
        return Measurement(robot, feet, of_bodies.sum(dim=2))


def _rotate_back(quat: Tensor, vectors: Tensor) -> Tensor:
    """``[N, V, 3]`` from the world's frame to the body's: v + 2 (q × (q × v) - w q × v), q the quaternion's vector.

    Five operators, where a rotation matrix entry by entry is some fifty.
    """
    w, axis = quat[:, None, :1], quat[:, None, 1:]
    once = torch.linalg.cross(axis, vectors)
    twice = torch.linalg.cross(axis, once)
    return vectors.add(twice.addcmul(w, once, value=-1.0), alpha=2.0)
