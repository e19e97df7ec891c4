"""The only place that reads robot state out of Isaac Lab (3.0: proxy arrays, quaternions w last)."""

# Isaac Lab is there only where this engine runs.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Sequence

import torch
from isaaclab.assets import Articulation
from isaaclab.sensors import ContactSensor
from torch import Tensor

from parkour.errors import EngineError
from parkour.mdp.context import RobotState
from parkour.mdp.measurement import Measurement
from parkour.mdp.robot import RobotLayout
from parkour.terrain.rays import rotation_matrix
from parkour_isaaclab.robot import RobotAsset


class StateAccessor:
    """Reads a :class:`Measurement` in canonical order, positions in each environment's patch.

    Everything is as of the last physics step or of what was written since; contact forces are of the last step, and
    normal forces alone: PhysX reports friction apart.

    Raises:
        EngineError: the asset lacks a joint or body of the robot.
    """

    def __init__(self, robot: Articulation, contacts: ContactSensor, layout: RobotLayout, asset: RobotAsset) -> None:
        self._robot, self._contacts = robot, contacts
        device = robot.device
        long = lambda values: torch.tensor(values, dtype=torch.long, device=device)  # noqa: E731
        self.joints = long(_find("joint", layout.joints, robot.joint_names))
        """``[J]`` the asset's index of each joint."""
        self.joint_ids = self.joints.int()
        """The same as Isaac Lab's writers take it."""
        self.base = _find("body", [asset.base], robot.body_names)[0]
        """Index of the base among the asset's links."""
        feet = [_only(asset.links(foot), foot) for foot in layout.feet]
        self._feet = long(_find("body", feet, robot.body_names))
        self._foot_sensors = long(_find("contact sensor", feet, contacts.body_names))
        links = [(body, link) for body, name in enumerate(layout.contact_bodies) for link in asset.links(name)]
        self._body_sensors = long(_find("contact sensor", [link for _, link in links], contacts.body_names))
        # [B, L] sums the forces on a body's links.
        self._sum_links = torch.zeros(len(layout.contact_bodies), len(links), device=device)
        self._sum_links[[body for body, _ in links], range(len(links))] = 1.0

    def read(self, origins: Tensor) -> Measurement:
        """The state now.

        Args:
            origins: ``[N, 3]`` where each environment's patch has its origin in the world [m].
        """
        data = self._robot.data
        quat = data.root_link_quat_w.torch[:, [3, 0, 1, 2]]
        rotation = rotation_matrix(quat)
        velocity = data.root_link_lin_vel_w.torch.clone()
        forces = self._contacts.data.net_normal_forces_w.torch
        robot = RobotState(
            base_pos=data.root_link_pos_w.torch - origins,
            base_quat=quat,
            base_lin_vel_w=velocity,
            base_lin_vel_b=_rotate_back(rotation, velocity),
            base_ang_vel_b=_rotate_back(rotation, data.root_link_ang_vel_w.torch),
            projected_gravity=-rotation[:, 2],
            roll=torch.atan2(rotation[:, 2, 1], rotation[:, 2, 2]),
            pitch=torch.asin(torch.clamp(-rotation[:, 2, 0], -1.0, 1.0)),
            yaw=torch.atan2(rotation[:, 1, 0], rotation[:, 0, 0]),
            joint_pos=data.joint_pos.torch[:, self.joints],
            joint_vel=data.joint_vel.torch[:, self.joints],
            joint_torque=self._robot.actuators.applied_effort.torch[:, self.joints],
            feet_pos=data.body_link_pos_w.torch[:, self._feet] - origins[:, None],
        )
        return Measurement(robot, forces[:, self._foot_sensors], self._sum_links @ forces[:, self._body_sensors])

    def base_velocity_w(self) -> Tensor:
        """``[N, 6]`` velocity of the base's origin and angular velocity, world frame."""
        return self._robot.data.root_link_vel_w.torch.clone()

    def forget_torques(self, env_ids: Tensor) -> None:
        """At the start of an episode no motor has given any torque yet."""
        self._robot.actuators.applied_effort.torch[env_ids] = 0.0


def fresh_contacts(seen: Measurement, began: Tensor) -> Measurement:
    """The measurement with no contact where an episode begins: the sensor still holds the last one's forces.

    Args:
        seen: as read.
        began: ``[N]`` bool.
    """
    keep = (~began)[:, None, None]
    return Measurement(seen.robot, seen.foot_force * keep, seen.body_force * keep)


def _rotate_back(rotation: Tensor, vector: Tensor) -> Tensor:
    """World to body: ``R^T v``."""
    return torch.einsum("nij,ni->nj", rotation, vector)


def _find(kind: str, wanted: Sequence[str], names: Sequence[str]) -> list[int]:
    missing = [name for name in wanted if name not in names]
    if missing:
        raise EngineError(
            f"robot asset: got {kind} names {', '.join(names)}; expected {', '.join(missing)} among them",
            hint="robot.toml, table [isaaclab.bodies], says what the asset calls a body",
        )
    return [list(names).index(name) for name in wanted]


def _only(links: Sequence[str], foot: str) -> str:
    if len(links) != 1:
        raise EngineError(f"robot.toml, [isaaclab.bodies]: foot {foot!r} got links {list(links)}, expected one")
    return links[0]
