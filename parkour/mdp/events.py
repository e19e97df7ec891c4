"""What domain randomization may do to a simulator, named in engine-neutral terms."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from parkour.mdp.camera import MountingPart
from parkour.mdp.robot import RobotLayout


class SimHandle(Protocol):
    """The engine's side of events. ``env_ids`` is ``[M]`` int64; values are per environment.

    An event at reset may be called for more environments than begin an episode; the engine writes to those alone.

    An engine keeps :class:`parkour.mdp.context.Privileged` in step with what is set here.
    """

    num_envs: int
    device: str
    layout: RobotLayout

    def set_friction(self, env_ids: Tensor, friction: Tensor) -> None:
        """Sliding friction of the robot's collision shapes against the course, ``[M]``."""
        ...

    def set_added_mass(self, env_ids: Tensor, mass: Tensor) -> None:
        """Mass added to the base [kg], ``[M]``; its inertia scales with its mass. Startup only."""
        ...

    def set_com_offset(self, env_ids: Tensor, offset: Tensor) -> None:
        """Displacement of the base's centre of mass [m], ``[M, 3]``. Startup only."""
        ...

    def set_gain_scale(self, env_ids: Tensor, stiffness: Tensor, damping: Tensor) -> None:
        """Factors on the PD gains, ``[M, J]`` each."""
        ...

    def set_motor_strength(self, env_ids: Tensor, strength: Tensor) -> None:
        """Factor on the torques of all joints, ``[M]``: below 1 for a low battery or hot motors."""
        ...

    def set_joint_state(self, env_ids: Tensor, pos: Tensor, vel: Tensor) -> None:
        """Joint positions [rad] and velocities [rad/s], ``[M, J]`` each."""
        ...

    def set_base_state(self, env_ids: Tensor, pos: Tensor, yaw: Tensor) -> None:
        """Base position [m] ``[M, 3]`` in the patch's frame, upright with heading ``yaw`` [rad] ``[M]``, at rest."""
        ...

    def set_base_velocity_xy(self, env_ids: Tensor, velocity: Tensor) -> None:
        """Horizontal velocity of the base in the patch's frame [m/s], ``[M, 2]``; the rest of the velocity stays."""
        ...

    def set_camera_mounting(self, env_ids: Tensor, part: MountingPart, error: Tensor) -> None:
        """How far the depth camera's mounting is off the task's; nothing without a camera.

        ``part`` is ``roll``, ``pitch`` or ``yaw``, then ``error`` is ``[M]`` [rad], or ``position``, then it is
        ``[M, 3]`` [m]. The other parts stay as they are. See :class:`parkour.mdp.camera.CameraGeometry`.
        """
        ...

    def spawn(self, env_ids: Tensor) -> Tensor:
        """Start position of each robot on the ground [m], ``[M, 3]``, patch frame."""
        ...
