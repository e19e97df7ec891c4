"""What the simulator knows and a robot does not."""

from __future__ import annotations

import torch

from parkour.mdp.mirror import joint_sizes, same, vector
from parkour.mdp.robot import RobotLayout
from parkour_observations.fields import Entry, EntryGroup, entry, reserved


class PrivilegedExplicit(EntryGroup):
    """Group ``privileged_explicit``, ``[N, 3 + reserved]``: the base's velocity in its own frame, reserved zeros."""

    def __init__(
        self, num_envs: int, device: str | torch.device, layout: RobotLayout, *, lin_vel_scale: float, reserved: int
    ) -> None:
        self.entries = _explicit_entries(lin_vel_scale, reserved)


class PrivilegedLatent(EntryGroup):
    """Group ``privileged_latent``, ``[N, 5 + 2 J]`` for J joints: the randomized constants of each robot.

    Gains are there as their factors less 1.
    """

    def __init__(self, num_envs: int, device: str | torch.device, layout: RobotLayout) -> None:
        joints = layout.num_joints
        self.entries = (
            entry("added_mass", 1, same, lambda ctx: ctx.privileged.added_mass, unit="kg"),
            entry("com_offset", 3, vector, lambda ctx: ctx.privileged.com_offset, unit="m"),
            entry("friction", 1, same, lambda ctx: ctx.privileged.friction),
            entry("stiffness_scale", joints, joint_sizes, lambda ctx: ctx.privileged.stiffness_scale - 1.0),
            entry("damping_scale", joints, joint_sizes, lambda ctx: ctx.privileged.damping_scale - 1.0),
        )


def _explicit_entries(lin_vel_scale: float, places: int) -> tuple[Entry, ...]:
    velocity = entry("base_lin_vel", 3, vector, lambda ctx: ctx.robot.base_lin_vel_b, scale=lin_vel_scale, unit="m/s")
    return (velocity, reserved("reserved", places)) if places else (velocity,)
