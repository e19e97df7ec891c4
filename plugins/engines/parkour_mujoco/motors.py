"""PD control through DC motors."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.robot import RobotLayout


class DcMotors:
    """Torques of all joints from position targets, clipped to each motor's torque-speed line.

    At speed v a motor of saturation torque S and no-load speed V gives at most ``S (1 - v / V)`` forward and
    ``S (-1 - v / V)`` backward, and never more than its continuous limit E. Speeds are taken into account up to
    ``V (1 + E / S)``, where the line reaches -E: beyond it the motor brakes with E.

    Args:
        layout: the robot's constants.
        num_envs: N.
        device: where the tensors live.
    """

    def __init__(self, layout: RobotLayout, num_envs: int, device: str | torch.device) -> None:
        def row(values: tuple[float, ...]) -> Tensor:
            return torch.tensor(values, device=device)

        self.stiffness = row(layout.stiffness).repeat(num_envs, 1)
        """``[N, J]`` [N m / rad]; randomized gains are written here."""
        self.damping = row(layout.damping).repeat(num_envs, 1)
        """``[N, J]`` [N m s / rad]."""
        self.strength = torch.ones(num_envs, 1, device=device)
        """``[N, 1]`` factor on the torques, limits included; randomized strengths are written here."""
        self._limit = row(layout.effort_limit)
        self._saturation = row(layout.saturation_effort)
        self._slope = self._saturation / row(layout.velocity_limit)
        self._fastest = row(layout.velocity_limit) * (1 + self._limit / self._saturation)

    @property
    def line(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """``[J]`` each: saturation torque and continuous limit [N m], slope of the torque-speed line [N m s/rad], and
        the speed up to which it counts [rad/s]."""
        return self._saturation, self._limit, self._slope, self._fastest

    def torque(self, target: Tensor, pos: Tensor, vel: Tensor) -> Tensor:
        """``[N, J]`` [N m] from position targets, positions [rad] and velocities [rad/s], ``[N, J]`` each."""
        wanted = self.stiffness * (target - pos) - self.damping * vel
        drop = self._slope * torch.clamp(vel, -self._fastest, self._fastest)
        most = torch.minimum(self._saturation - drop, self._limit)
        least = torch.maximum(-self._saturation - drop, -self._limit)
        return self.strength * torch.clamp(wanted, least, most)
