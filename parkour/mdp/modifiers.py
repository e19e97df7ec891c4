"""Noise and faults that a task lays on its observation groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from parkour.errors import PluginError
from parkour.mdp.context import StepContext


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


class ModifierChain:
    """The modifiers of one group, laid on one after the other.

    Args:
        group: name of the group, for errors.
        modifiers: by name, in order.
    """

    def __init__(self, group: str, modifiers: Mapping[str, Modifier]) -> None:
        self.group = group
        self.modifiers = dict(modifiers)

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
            values = changed
        return values

    def reset(self, env_ids: Tensor) -> None:
        """Begin new episodes."""
        for modifier in self.modifiers.values():
            modifier.reset(env_ids)
