"""Noise and faults that a task applies to its observation groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from parkour.errors import PluginError
from parkour.mdp.context import StepContext
from parkour.mdp.magnitudes import as_mask, rows


class Modifier(Protocol):
    """Noise or a fault of a sensor: made once per group as ``Target(num_envs, device, fields, **params)``.

    ``fields`` (:class:`parkour.specs.ObservationField`) say what the numbers are: their scale, unit and limit. Draws
    come from torch's global generator.
    """

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """New measurements, changed; never in place.

        Args:
            values: ``[M, …]``: as the group returns them, or, where the group has its modifiers act inside
                (:class:`parkour.mdp.terms.RawObservationTerm`), as its sensor measures them.
            ctx: the state of all ``N`` environments.
            env_ids: ``[M]`` int64: whose measurements these are, each once. Environments without a new measurement
                at this step are not among them.
        """
        ...

    def reset(self, env_ids: Tensor) -> None:
        """Forget environments, whose episode begins with the next measurement.

        Args:
            env_ids: an index of them, ``[N]`` bool or ``[M]`` int64, to assign numbers through.
        """
        ...


class EpisodeChance:
    """Which environments a modifier acts on: drawn anew when their episodes begin.

    Args:
        chance: share of the episodes.
        num_envs: ``N``.
        device: where it is drawn.
        strength: ``[]`` in [0, 1]: factor on the chance, which somebody may change (:class:`NoiseRamp`).
    """

    def __init__(self, chance: float, num_envs: int, device: str | torch.device, strength: Tensor) -> None:
        self._chance, self._strength = chance, strength
        self.active = torch.zeros(num_envs, dtype=torch.bool, device=device)
        """``[N]`` whom it acts on now."""
        self.reset(torch.ones_like(self.active))

    def reset(self, env_ids: Tensor) -> None:
        """Draw anew for ``env_ids``, ``[N]`` bool or ``[M]`` int64."""
        drawn = torch.rand(len(self.active), device=self.active.device) < self._chance * self._strength
        self.active = torch.where(as_mask(env_ids, len(self.active)), drawn, self.active)


class NoiseRamp:
    """How much of a task's domain randomization of sensors is there: grows over training, is whole everywhere else."""

    def __init__(self, device: str | torch.device) -> None:
        self.strength = torch.ones((), device=device)
        """``[]`` in [0, 1]: factor on the chance of each modifier. Read on the device, by graphs too."""

    def set(self, strength: float) -> None:
        """From the next episodes on. Written in place, without a host sync."""
        self.strength.fill_(min(max(strength, 0.0), 1.0))


class ModifierChain:
    """The modifiers of one group, applied one after the other.

    Args:
        group: name of the group, for errors.
        modifiers: by name, in order.
        chances: of those that do not act in every episode, by name.
    """

    def __init__(
        self, group: str, modifiers: Mapping[str, Modifier], chances: Mapping[str, EpisodeChance] | None = None
    ) -> None:
        self.group = group
        self.modifiers = dict(modifiers)
        self.chances = dict(chances or {})

    def __call__(self, values: Tensor, ctx: StepContext, env_ids: Tensor) -> Tensor:
        """See :meth:`Modifier.__call__`.

        Raises:
            PluginError: a modifier returned another shape than it was given.
        """
        for name, modifier in self.modifiers.items():
            changed = modifier(values, ctx, env_ids)
            if changed.shape != values.shape:
                raise PluginError(
                    f"modifier {name!r} of observation group {self.group!r} returned shape {tuple(changed.shape)}, "
                    f"expected {tuple(values.shape)}"
                )
            if name in self.chances:
                changed = torch.where(rows(self.chances[name].active[env_ids], values), changed, values)
            values = changed
        return values

    def reset(self, env_ids: Tensor) -> None:
        """Begin new episodes."""
        for part in (*self.modifiers.values(), *self.chances.values()):
            part.reset(env_ids)

    def redraw(self) -> None:
        """Draw anew, for all environments, which modifiers act on them."""
        for chance in self.chances.values():
            chance.reset(torch.ones_like(chance.active))
