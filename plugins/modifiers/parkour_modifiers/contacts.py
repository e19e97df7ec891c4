"""Faults of contact sensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.magnitudes import EpisodeMagnitude, as_mask
from parkour.params import Magnitude
from parkour.specs import ObservationField
from parkour_modifiers.fields import chosen_scales


class ContactFaults:
    """Contacts that are not felt: some sensors are dead for an episode, others miss a contact now and then.

    Each sensor (number of the fields ``only``) is dead with the probability ``dead`` of its robot's episode; the others
    read ``off`` with the probability ``flicker`` at each step.
    """

    takes_padding = True

    def __init__(
        self, num_envs: int, device: str | torch.device, fields: Sequence[ObservationField], *,
        only: tuple[str, ...], dead: Magnitude, flicker: Magnitude, off: float,
    ) -> None:  # fmt: skip
        self._sensors = chosen_scales("contact_faults", fields, only, device) != 0.0
        self._dead = EpisodeMagnitude(dead, num_envs, device)
        self._flicker = EpisodeMagnitude(flicker, num_envs, device)
        self._off = off
        self._lot = torch.rand(num_envs, len(self._sensors), device=device)
        """``[N, Σ size]``: a sensor is dead where this is below the episode's probability."""

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """``[M, …]``."""
        lot = self._lot[env_ids].view_as(values)
        off = lot < self._dead.of(env_ids, values)
        off = off | (torch.rand_like(values) < self._flicker.of(env_ids, values))
        return torch.where(off & self._sensors.view(values.shape[1:]), self._off, values)

    def reset(self, env_ids: Tensor) -> None:
        self._dead.reset(env_ids)
        self._flicker.reset(env_ids)
        begun = as_mask(env_ids, len(self._lot)).unsqueeze(1)
        self._lot = torch.where(begun, torch.rand_like(self._lot), self._lot)
