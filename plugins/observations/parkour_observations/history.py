"""What the robot felt in the last steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.mirror import Mirror, Sides, joined
from parkour.mdp.robot import RobotLayout
from parkour.mdp.terms import ObservationTerm
from parkour.specs import ObservationField
from parkour_observations.fields import concatenate, field_mask, mirror_of
from parkour_observations.proprioception import YAW_FIELDS, Proprioception, proprioception_entries


class ProprioceptionHistory:
    """Group ``proprioception_history``: the last ``length`` blocks before this one, oldest first.

    The yaws to the way points are set to 0 in them. On the first step of an episode all blocks are the current one.
    """

    source = "proprioception"
    """Its noise and faults are in the history too: one sensor is read once."""

    def __init__(
        self, num_envs: int, device: str | torch.device, layout: RobotLayout, *,
        length: int, ang_vel_scale: float, joint_vel_scale: float, contact_force: float,
    ) -> None:  # fmt: skip
        self._entries = proprioception_entries(
            layout, ang_vel_scale=ang_vel_scale, joint_vel_scale=joint_vel_scale, contact_force=contact_force
        )
        self._scales = ang_vel_scale, joint_vel_scale, contact_force
        self._length = length
        self._hidden = field_mask(self._entries, YAW_FIELDS, device)
        self._blocks = torch.zeros(num_envs, length, len(self._hidden), device=device)
        self._first = torch.ones(num_envs, dtype=torch.bool, device=device)

    def layout(self) -> Sequence[ObservationField]:
        """One field per block, named by its age in control steps."""
        size = len(self._hidden)
        return [ObservationField(name=f"proprioception_{age}", size=size) for age in range(self._length, 0, -1)]

    def shares(self, source: ObservationTerm) -> bool:
        return type(source) is Proprioception and source.scales == self._scales

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, length * P]``."""
        return self.derive(concatenate(self._entries, ctx))

    def derive(self, values: Tensor) -> Tensor:
        """``[N, length * P]`` where the proprioception is ``values``, ``[N, P]``."""
        current = values.masked_fill(self._hidden, 0.0).unsqueeze(1)
        seen = torch.where(self._first[:, None, None], current, self._blocks)
        # A new tensor, never written to: what was returned before stays as it was.
        self._blocks = torch.cat((seen[:, 1:], current), dim=1)
        self._first.zero_()
        return seen.flatten(1)

    def reset(self, env_ids: Tensor) -> None:
        self._first[env_ids] = True

    def mirror(self, sides: Sides) -> Mirror:
        return joined([mirror_of(self._entries, sides)] * self._length)
