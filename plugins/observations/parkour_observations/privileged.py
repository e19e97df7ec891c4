"""What the simulator knows and a robot does not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.mirror import Mirror, Sides, joint_sizes, same, vector
from parkour.mdp.robot import RobotLayout
from parkour.specs import ObservationField
from parkour_observations.fields import Entry, concatenate, entry, mirror_of, reserved


class PrivilegedExplicit:
    """Group ``privileged_explicit``: the base's velocity in its own frame, and reserved zeros."""

    def __init__(
        self, num_envs: int, device: str | torch.device, layout: RobotLayout, *, lin_vel_scale: float, reserved: int
    ) -> None:
        self._entries = _explicit_entries(lin_vel_scale, reserved)

    def layout(self) -> Sequence[ObservationField]:
        return [each.field for each in self._entries]

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, 3 + reserved]``."""
        return concatenate(self._entries, ctx)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing is remembered."""

    def mirror(self, sides: Sides) -> Mirror:
        return mirror_of(self._entries, sides)


class PrivilegedLatent:
    """Group ``privileged_latent``: the randomized constants of each robot, gains as their factors less 1."""

    def __init__(self, num_envs: int, device: str | torch.device, layout: RobotLayout) -> None:
        joints = layout.num_joints
        self._entries = (
            entry("added_mass", 1, same, lambda ctx: ctx.privileged.added_mass, unit="kg"),
            entry("com_offset", 3, vector, lambda ctx: ctx.privileged.com_offset, unit="m"),
            entry("friction", 1, same, lambda ctx: ctx.privileged.friction),
            entry("stiffness_scale", joints, joint_sizes, lambda ctx: ctx.privileged.stiffness_scale - 1.0),
            entry("damping_scale", joints, joint_sizes, lambda ctx: ctx.privileged.damping_scale - 1.0),
        )

    def layout(self) -> Sequence[ObservationField]:
        return [each.field for each in self._entries]

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, 5 + 2 J]`` for J joints."""
        return concatenate(self._entries, ctx)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing is remembered."""

    def mirror(self, sides: Sides) -> Mirror:
        return mirror_of(self._entries, sides)


def _explicit_entries(lin_vel_scale: float, places: int) -> tuple[Entry, ...]:
    velocity = entry("base_lin_vel", 3, vector, lambda ctx: ctx.robot.base_lin_vel_b, scale=lin_vel_scale, unit="m/s")
    return (velocity, reserved("reserved", places)) if places else (velocity,)
