"""The depth camera: a true pinhole camera on the robot's base, looking at the course's boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from parkour.mdp.context import RobotState
from parkour.specs import ObservationField
from parkour.terrain.library import CourseState
from parkour.terrain.rays import RayCaster, cast_rays, rotation_matrix

MountingPart = Literal["roll", "pitch", "yaw", "position"]
"""What can be wrong with a mounting: the angles [rad] and the position [m] of :class:`CameraGeometry`."""
MOUNTING_PARTS: dict[MountingPart, tuple[int, ...]] = {"roll": (), "pitch": (), "yaw": (), "position": (3,)}
"""Each part's shape for one camera."""


@dataclass(frozen=True)
class CameraGeometry:
    """Where a camera sits and what it sees. Rays go through the pixels' centres."""

    position: tuple[float, float, float] = (0.33, 0.0, 0.08)
    """On the base, in its frame [m]."""
    roll: float = 0.0
    """Angle by which it is turned about its own axis, its left side up [rad]."""
    pitch: float = math.radians(20.0)
    """Angle by which it looks down from the base's forward axis [rad]."""
    yaw: float = 0.0
    """Angle by which it looks left of the base's forward axis [rad]."""
    horizontal_fov: float = math.radians(87.0)
    """Angle between the left and the right border of the picture [rad]."""
    vertical_fov: float | Literal["square"] = "square"
    """Angle between the upper and the lower border [rad]; ``square``: what square pixels make it."""
    width: int = 106
    """Pixels from left to right."""
    height: int = 60
    """Pixels from top to bottom."""
    range: float = 2.0
    """Greatest distance along a ray; whatever is further away reads this [m]."""

    @property
    def focal_length(self) -> tuple[float, float]:
        """fx and fy: in pixels from left to right, and in pixels from top to bottom."""
        across = self.width / 2 / math.tan(self.horizontal_fov / 2)
        upward = across if self.vertical_fov == "square" else self.height / 2 / math.tan(self.vertical_fov / 2)
        return across, upward

    def rays(self, device: str | torch.device) -> Tensor:
        """``[height * width, 3]`` unit vectors in the camera's frame (x forward, y left, z up).

        Rows from top to bottom, in each the columns from left to right.
        """
        fx, fy = self.focal_length
        across = (self.width / 2 - (torch.arange(self.width, device=device) + 0.5)) / fx
        upward = (self.height / 2 - (torch.arange(self.height, device=device) + 0.5)) / fy
        up, left = torch.meshgrid(upward, across, indexing="ij")
        return torch.nn.functional.normalize(torch.stack((torch.ones_like(up), left, up), dim=-1).flatten(0, 1), dim=-1)


class DepthCamera:
    """The same camera on each of ``N`` robots, but for errors of its mounting.

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
        self.mounting_error: dict[MountingPart, Tensor] = {
            part: torch.zeros(num_envs, *shape, device=device) for part, shape in MOUNTING_PARTS.items()
        }
        """How far each camera's mounting is off the geometry's: ``[N]`` roll, pitch and yaw [rad], ``[N, 3]`` position
        in the base's frame [m]; written in place."""
        self.depth = torch.full((num_envs, geometry.height, geometry.width), geometry.range, device=device)
        """``[N, H, W]`` the last picture of each [m]; changed in place by :meth:`update`."""
        self._everyone = torch.arange(num_envs, device=device)
        self._position = torch.tensor(geometry.position, device=device)

    @property
    def field(self) -> ObservationField:
        """What a raw picture is."""
        size = self.geometry.height * self.geometry.width
        return ObservationField(name="distance", size=size, unit="m", limit=self.geometry.range)

    def update(
        self, robot: RobotState, course: CourseState, env_ids: Tensor | None, due: Tensor | None = None
    ) -> Tensor:
        """Take the pictures that are due.

        Args:
            robot: of all environments.
            course: what they stand on.
            env_ids: ``[M]`` int64: environments that take one; all when None.
            due: ``[N]`` bool: who really does, the others being padding; all of them when None.

        Returns:
            ``[M]`` int64: whose picture is new, and padding.
        """
        if env_ids is None:
            self.depth.copy_(self.capture(robot, course.boxes()))
            return self._everyone
        if len(env_ids) > 0:
            pictures = self.capture(robot, course.boxes(env_ids), env_ids)
            if due is not None:
                pictures = torch.where(due[env_ids, None, None], pictures, self.depth[env_ids])
            self.depth.index_copy_(0, env_ids, pictures)
        return env_ids

    def capture(self, robot: RobotState, boxes: Tensor, env_ids: Tensor | None = None) -> Tensor:
        """Pictures from the robots' poses now.

        Args:
            robot: of all environments.
            boxes: ``[M, K, 10]`` under the robots that take one.
            env_ids: ``[M]`` int64: environments that take one; all when None.

        Returns:
            ``[M, H, W]`` distance along the ray [m], at most the camera's range.
        """
        pos, quat = robot.base_pos, robot.base_quat
        error: dict[MountingPart, Tensor] = self.mounting_error
        if env_ids is not None:
            pos, quat = pos[env_ids], quat[env_ids]
            error = {part: values[env_ids] for part, values in error.items()}
        return self.view(pos, quat, boxes, error)

    def view(
        self, base_pos: Tensor, base_quat: Tensor, boxes: Tensor, error: Mapping[MountingPart, Tensor] | None = None
    ) -> Tensor:
        """Pictures from bases anywhere.

        Args:
            base_pos: ``[M, 3]`` [m].
            base_quat: ``[M, 4]`` (w, x, y, z).
            boxes: ``[M, K, 10]`` around them.
            error: of the mountings, as :attr:`mounting_error` has it; parts left out are as they should be.

        Returns:
            ``[M, H, W]`` distance along the ray [m], at most the camera's range.
        """
        base, error, geometry = rotation_matrix(base_quat), error or {}, self.geometry
        none = base_pos.new_zeros(len(base_pos))
        turned = _looking(
            geometry.roll + error.get("roll", none),
            geometry.pitch + error.get("pitch", none),
            geometry.yaw + error.get("yaw", none),
        )
        position = self._position + error.get("position", none[:, None])
        origins = base_pos + (base @ position.unsqueeze(-1)).squeeze(-1)
        distance = self.raycast(origins, base @ turned, self.rays, boxes, geometry.range)
        return distance.unflatten(-1, (geometry.height, geometry.width))


def _looking(roll: Tensor, pitch: Tensor, yaw: Tensor) -> Tensor:
    """``[M, 3, 3]``: camera frame to base frame, from angles ``[M]`` [rad]: yaw, then pitch, then roll about the axes
    as they stand by then (x forward, y left, z up); a pitch above 0 lowers the view."""
    (cr, sr), (cp, sp), (cy, sy) = ((torch.cos(angle), torch.sin(angle)) for angle in (roll, pitch, yaw))
    rows = [
        cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr,
        sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr,
        -sp, cp * sr, cp * cr,
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
