"""All observation groups of a task."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from parkour.errors import PluginError, TaskError
from parkour.mdp.context import StepContext
from parkour.mdp.mirror import Mirror, MirroredTerm, Sides
from parkour.mdp.modifiers import ModifierChain, NoiseRamp, takes_padding
from parkour.mdp.terms import DerivedObservationTerm, ObservationTerm, RawObservationTerm, SharingObservationTerm
from parkour.specs import ObservationField

SHOWN = 5
"""Robots and fields that an error names."""


@dataclass(frozen=True)
class ClippedGroup:
    """An observation group with its bound."""

    term: ObservationTerm
    clip: float | None
    """Numbers are clipped to ± this."""
    modifiers: ModifierChain | None = None
    """Noise and faults."""
    sees: bool = False
    """Whether it reads the camera's pictures."""


class ObservationSet:
    """Computes every group; each is a tensor ``[N, …]``.

    Args:
        groups: by name, in the task's order.
        ramp: what the modifiers' chances are multiplied with.
    """

    def __init__(self, groups: Mapping[str, ClippedGroup], ramp: NoiseRamp | None = None) -> None:
        self._groups = dict(groups)
        self._ramp = ramp
        self.clean: dict[str, Tensor] = {}
        """What the groups that suffer from noise or faults would be without, as of the last :meth:`compute`: a
        teacher's inputs. Modifiers that act inside a group (:class:`RawObservationTerm`) stay."""
        self._outer: dict[str, ModifierChain] = {}
        """Modifiers of groups that leave it to us to apply them."""
        for name, group in self._groups.items():
            if group.modifiers is None:
                continue
            if isinstance(group.term, RawObservationTerm):
                group.term.take_modifiers(group.modifiers)
            else:
                self._outer[name] = group.modifiers
        self._derived: dict[str, ObservationTerm] = {
            name: copy.deepcopy(group.term)
            for name, group in self._groups.items()
            if isinstance(group.term, DerivedObservationTerm) and group.term.source in self._outer
        }
        """Groups that are made of one with modifiers: a second one of each, which is told of no noise."""
        self._sharing = {name for name, group in self._groups.items() if self._shares(name, group.term)}
        """Groups that can be made of one before them, whether that has modifiers or not."""
        self._check_order()
        self._everyone: Tensor | None = None
        self._checked = False

    @property
    def modifiers(self) -> dict[str, ModifierChain]:
        """Noise and faults of the groups that have any, by the group's name."""
        return {name: group.modifiers for name, group in self._groups.items() if group.modifiers is not None}

    @property
    def takes_padding(self) -> bool:
        """Whether ``ctx.depth_ids`` may be padded: no group that sees, nor a modifier of one, is against it."""
        return all(
            takes_padding(group.term) and (group.modifiers is None or group.modifiers.takes_padding)
            for group in self._groups.values()
            if group.sees
        )

    @property
    def layout(self) -> dict[str, tuple[ObservationField, ...]]:
        """Fields of each group, in order."""
        return {name: tuple(group.term.layout()) for name, group in self._groups.items()}

    def mirrors(self, names: Iterable[str], sides: Sides) -> dict[str, Mirror]:
        """How groups look in a mirror, by name.

        Raises:
            TaskError: one does not say, or has no mirror image.
            PluginError: one says it of another number of values than it has.
        """
        found = {}
        for name in names:
            term = self._groups[name].term
            if not isinstance(term, MirroredTerm):
                raise TaskError(
                    f"observation group {name!r} cannot be mirrored: its class {type(term).__name__} has no method "
                    "mirror(sides)",
                    hint="add it (parkour.mdp.mirror), or train without mirrored episodes",
                )
            found[name], size = term.mirror(sides), sum(field.size for field in term.layout())
            if len(found[name].order) != size:
                raise PluginError(
                    f"observation group {name!r} has {size} numbers, and its mirror is of {len(found[name].order)}"
                )
        return found

    def compute(self, ctx: StepContext) -> dict[str, Tensor]:
        """All groups from the state after resets.

        Raises:
            PluginError: a group has another size than its layout says (checked on the first call).
        """
        values: dict[str, Tensor] = {}
        clean: dict[str, Tensor] = {}
        noisy: dict[str, Tensor] = {}
        """Before the clip, like the clean ones."""
        for name, group in self._groups.items():
            value = self._call(name, group.term, ctx, noisy, derived=name in self._derived)
            if name in self._derived:
                clean[name] = self._call(name, self._derived[name], ctx, clean)
            else:
                clean[name] = value
            if name in self._outer:
                value = self._outer[name](value, ctx, self._all(ctx))
            if name in self._outer or name in self._derived:
                self.clean[name] = _clipped(clean[name], group.clip)
            noisy[name] = value
            values[name] = _clipped(value, group.clip)
        if not self._checked:
            self._check(values, ctx.num_envs)
        return values

    def ramp_noise(self, strength: float, *, begin: bool = False) -> None:
        """From the next episodes on, multiply the chance of every modifier with ``strength``, 0 to 1.

        Args:
            strength: see above.
            begin: for the episodes that are running, too.
        """
        if self._ramp is None:
            return
        self._ramp.set(strength)
        for group in self._groups.values():
            if begin and group.modifiers is not None:
                group.modifiers.redraw()

    def reset(self, env_ids: Tensor) -> None:
        """Begin new episodes."""
        for name, group in self._groups.items():
            group.term.reset(env_ids)
            if name in self._derived:
                self._derived[name].reset(env_ids)
            if group.modifiers is not None:
                group.modifiers.reset(env_ids)

    def _call(
        self, name: str, term: ObservationTerm, ctx: StepContext, before: Mapping[str, Tensor], *, derived: bool = False
    ) -> Tensor:
        """A group's values, made of those ``before`` where they may be, or have to be as they are ``derived``."""
        if isinstance(term, DerivedObservationTerm) and (derived or name in self._sharing):
            return term.derive(before[term.source])
        return term(ctx)

    def _shares(self, name: str, term: ObservationTerm) -> bool:
        order = list(self._groups)
        if not isinstance(term, SharingObservationTerm) or term.source not in order[: order.index(name)]:
            return False
        return term.shares(self._groups[term.source].term)

    def _all(self, ctx: StepContext) -> Tensor:
        if self._everyone is None:
            self._everyone = torch.arange(ctx.num_envs, device=ctx.device)
        return self._everyone

    def _check_order(self) -> None:
        order = list(self._groups)
        for name in self._derived:
            source: str = self._groups[name].term.source  # type: ignore[attr-defined]
            if order.index(source) > order.index(name):
                raise TaskError(
                    f"observations: {name!r} comes before {source!r}, which it is made of and which has modifiers",
                    hint=f"list {source} first",
                )

    def _check(self, values: Mapping[str, Tensor], num_envs: int) -> None:
        for name, fields in self.layout.items():
            size = sum(field.size for field in fields)
            shape = tuple(values[name].shape)
            if shape[0] != num_envs or values[name][0].numel() != size:
                raise PluginError(
                    f"observation group {name!r} returned shape {shape}, expected {num_envs} rows of {size} numbers"
                )
            if line := name_not_finite(name, fields, values[name][None]):
                raise PluginError(f"{line}, expected finite numbers")
        self._checked = True


def _clipped(values: Tensor, clip: float | None) -> Tensor:
    return values if clip is None else values.clamp(-clip, clip)


def name_not_finite(name: str, fields: Sequence[ObservationField], values: Tensor) -> str:
    """Which fields and robots of a group are NaN or infinite, in words; empty where none is. Causes a host sync.

    Args:
        name: of the group.
        fields: its layout; places are named where it is empty.
        values: ``[T, N, …]``.
    """
    bad = ~torch.isfinite(values).flatten(2)
    if not bool(bad.any()):
        return ""
    robots = bad.any(dim=-1).any(dim=0).nonzero().flatten().tolist()
    columns = bad.flatten(0, 1).any(dim=0).nonzero().flatten().tolist()
    owners = [field.name for field in fields for _ in range(field.size)]
    named = list(dict.fromkeys(owners[column] if column < len(owners) else str(column) for column in columns))
    return (
        f"observation group {name!r} is NaN or infinite in {_listed(named, 'field')}, "
        f"of {_listed([str(robot) for robot in robots], 'robot')} of {values.shape[1]}"
    )


def few(names: Sequence[object]) -> str:
    """The first :data:`SHOWN` of them, in a line."""
    return ", ".join(map(str, names[:SHOWN])) + (", …" if len(names) > SHOWN else "")


def _listed(names: list[str], what: str) -> str:
    return f"{what} {few(names)}" if len(names) == 1 else f"{len(names)} {what}s ({few(names)})"
