"""All observation groups of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from parkour.errors import PluginError
from parkour.mdp.context import StepContext
from parkour.mdp.modifiers import ModifierChain
from parkour.mdp.terms import ObservationTerm, RawObservationTerm
from parkour.specs import ObservationField


@dataclass(frozen=True)
class ClippedGroup:
    """An observation group with its bound."""

    term: ObservationTerm
    clip: float | None
    """Numbers are clipped to ± this."""
    modifiers: ModifierChain | None = None
    """Noise and faults."""


class ObservationSet:
    """Computes every group; each is a tensor ``[N, …]``.

    Args:
        groups: by name, in the task's order.
    """

    def __init__(self, groups: Mapping[str, ClippedGroup]) -> None:
        self._groups = dict(groups)
        self._outer: dict[str, ModifierChain] = {}
        """Modifiers of groups that leave it to us to apply them."""
        for name, group in self._groups.items():
            if group.modifiers is None:
                continue
            if isinstance(group.term, RawObservationTerm):
                group.term.take_modifiers(group.modifiers)
            else:
                self._outer[name] = group.modifiers
        self._everyone: Tensor | None = None
        self._checked = False

    @property
    def layout(self) -> dict[str, Sequence[ObservationField]]:
        """Fields of each group, in order."""
        return {name: tuple(group.term.layout()) for name, group in self._groups.items()}

    def compute(self, ctx: StepContext) -> dict[str, Tensor]:
        """All groups from the state after resets.

        Raises:
            PluginError: a group has another size than its layout says (checked on the first call).
        """
        values: dict[str, Tensor] = {}
        for name, group in self._groups.items():
            value = group.term(ctx)
            if name in self._outer:
                value = self._outer[name](value, ctx, self._all(ctx))
            values[name] = value if group.clip is None else value.clamp(-group.clip, group.clip)
        if not self._checked:
            self._check(values, ctx.num_envs)
        return values

    def reset(self, env_ids: Tensor) -> None:
        """Begin new episodes."""
        for group in self._groups.values():
            group.term.reset(env_ids)
            if group.modifiers is not None:
                group.modifiers.reset(env_ids)

    def _all(self, ctx: StepContext) -> Tensor:
        if self._everyone is None:
            self._everyone = torch.arange(ctx.num_envs, device=ctx.device)
        return self._everyone

    def _check(self, values: Mapping[str, Tensor], num_envs: int) -> None:
        for name, fields in self.layout.items():
            size = sum(field.size for field in fields)
            shape = tuple(values[name].shape)
            if shape[0] != num_envs or values[name][0].numel() != size:
                raise PluginError(
                    f"observation group {name!r} returned shape {shape}, expected {num_envs} rows of {size} numbers"
                )
            if not torch.isfinite(values[name]).all():
                raise PluginError(f"observation group {name!r} returned NaN or infinity, expected finite numbers")
        self._checked = True
