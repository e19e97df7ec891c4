"""The depth camera: a true pinhole camera on the robot's base, looking at the course's boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from parkour.mdp.context import RobotState
from parkour.specs import ObservationField
from parkour.terrain.library import CourseState
from parkour.terrain.rays import RayCaster, cast_rays, rotation_matrix


@dataclass(frozen=True)
class CameraGeometry:
    """Where a camera sits and what it sees. Pixels are square; rays go through their centres."""

    position: tuple[float, float, float] = (0.33, 0.0, 0.08)
    """On the base, in its frame [m]."""
    pitch: float = math.radians(20.0)
    """Angle by which it looks down from the base's forward axis [rad]."""
    horizontal_fov: float = math.radians(87.0)
    """Angle between the left and the right border of the picture [rad]."""
    width: int = 106
    """Pixels from left to right."""
    height: int = 60
    """Pixels from top to bottom."""
    range: float = 2.0
    """Greatest distance along a ray; whatever is further away reads this [m]."""

    @property
    def focal_length(self) -> float:
        """In pixels."""
        return self.width / 2 / math.tan(self.horizontal_fov / 2)

    def rays(self, device: str | torch.device) -> Tensor:
        """``[height * width, 3]`` unit vectors in the camera's frame (x forward, y left, z up).

        Rows from top to bottom, in each the columns from left to right.
        """
        across = (self.width / 2 - (torch.arange(self.width, device=device) + 0.5)) / self.focal_length
        upward = (self.height / 2 - (torch.arange(self.height, device=device) + 0.5)) / self.focal_length
        up, left = torch.meshgrid(upward, across, indexing="ij")
        return torch.nn.functional.normalize(torch.stack((torch.ones_like(up), left, up), dim=-1).flatten(0, 1), dim=-1)


class DepthCamera:
    """The same camera on each of ``N`` robots, but for an error of its pitch.

    Args:
        num_envs: ``N``.
        device: where the pictures are made.
        geometry: mounting and picture.
        raycast: how distances are found.
    """

    def __init__(
        self,
        num_envs: int,
        device: str | torch.device,
        geometry: CameraGeometry,
        raycast: RayCaster | None = None,
    ) -> None:
        self.geometry = geometry
        self.raycast: RayCaster = raycast or cast_rays
        self.rays = geometry.rays(device)
        """``[H * W, 3]`` see :meth:`CameraGeometry.rays`."""
        self.pitch_error = torch.zeros(num_envs, device=device)
        """``[N]`` how much further down than it should each camera looks [rad]."""
        self.depth = torch.full((num_envs, geometry.height, geometry.width), geometry.range, device=device)
        """``[N, H, W]`` the last picture of each [m]; changed in place by :meth:`update`."""
        self._everyone = torch.arange(num_envs, device=device)
        self._position = torch.tensor(geometry.position, device=device)

    @property
    def field(self) -> ObservationField:
        """What a raw picture is."""
        size = self.geometry.height * self.geometry.width
        return ObservationField(name="distance", size=size, unit="m", limit=self.geometry.range)

    def update(self, robot: RobotState, course: CourseState, env_ids: Tensor | None) -> Tensor:
        """Take the pictures that are due.

        Args:
            robot: of all environments.
            course: what they stand on.
            env_ids: ``[M]`` int64: who takes one; everybody when None.

        Returns:
            ``[M]`` int64: whose picture is new.
        """
        if env_ids is None:
            self.depth.copy_(self.capture(robot, course.boxes()))
            return self._everyone
        if len(env_ids) > 0:
            self.depth.index_copy_(0, env_ids, self.capture(robot, course.boxes(env_ids), env_ids))
        return env_ids

    def capture(self, robot: RobotState, boxes: Tensor, env_ids: Tensor | None = None) -> Tensor:
        """Pictures from the robots' poses now.

        Args:
            robot: of all environments.
            boxes: ``[M, K, 10]`` under the robots that take one.
            env_ids: ``[M]`` int64: who takes one; everybody when None.

        Returns:
            ``[M, H, W]`` distance along the ray [m], at most the camera's range.
        """
        pos, quat, error = robot.base_pos, robot.base_quat, self.pitch_error
        if env_ids is not None:
            pos, quat, error = pos[env_ids], quat[env_ids], error[env_ids]
        return self.view(pos, quat, boxes, self.geometry.pitch + error)

    def view(self, base_pos: Tensor, base_quat: Tensor, boxes: Tensor, pitch: Tensor) -> Tensor:
        """``[M, H, W]`` pictures from bases at ``[M, 3]`` with orientation ``[M, 4]`` and camera pitch ``[M]``."""
        base = rotation_matrix(base_quat)
        origins = base_pos + base @ self._position
        distance = self.raycast(origins, base @ _looking_down(pitch), self.rays, boxes, self.geometry.range)
        return distance.unflatten(-1, (self.geometry.height, self.geometry.width))


def _looking_down(pitch: Tensor) -> Tensor:
    """``[M, 3, 3]``: camera frame to base frame, a turn about y by ``[M]`` [rad] that lowers the view."""
    cos, sin, zero, one = torch.cos(pitch), torch.sin(pitch), torch.zeros_like(pitch), torch.ones_like(pitch)
    return torch.stack((cos, zero, sin, zero, one, zero, -sin, zero, cos), dim=-1).unflatten(-1, (3, 3))
