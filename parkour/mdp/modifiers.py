"""Noise and faults that a task applies to its observation groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

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
            env_ids: ``[M]`` int64: whose measurements these are, each once; 0 … N − 1 in order where they are those of
                all. Environments without a new measurement at this step are not among them, unless the modifier takes
                padding (:class:`PaddedBatches`).
        """
        ...

    def reset(self, env_ids: Tensor) -> None:
        """Forget environments, whose episode begins with the next measurement.

        Args:
            env_ids: an index of them, ``[N]`` bool or ``[M]`` int64, to assign numbers through.
        """
        ...


@runtime_checkable
class PaddedBatches(Protocol):
    """A modifier, or an observation group that reads ``ctx.depth_ids``, to which padding makes no difference.

    On a GPU few robots take a picture at most steps, and another number each time. What works on them runs as CUDA
    graphs, of fixed shapes, where batches may be padded: with environments that have no new measurement, for which
    ``ctx.perception`` is False (``ctx.padded`` says that there may be some). Anything may be returned for those, and
    nothing remembered: :func:`put_rows` sees to it. Who remembers nothing takes padding as it is.
    """

    takes_padding: bool


def takes_padding(part: object) -> bool:
    """Whether a modifier or a group says so of itself."""
    return isinstance(part, PaddedBatches) and part.takes_padding


def put_rows(memory: Tensor, env_ids: Tensor, new: Tensor, ctx: StepContext, at: Tensor | None = None) -> None:
    """Write what environments measured into their rows of a memory, in place, but for padding.

    Args:
        memory: ``[N, …]``, or as many rows as ``at`` needs.
        env_ids: ``[M]`` int64; all, in order, where ``M`` is ``N``.
        new: ``[M, …]``.
        ctx: says what is padding.
        at: ``[M]`` int64: the row of each; ``env_ids`` when None.
    """
    if at is None and len(env_ids) == len(memory):
        memory.copy_(new)
        return
    at = env_ids if at is None else at
    if ctx.padded:
        new = torch.where(rows(ctx.perception[env_ids], new), new, memory[at])
    memory.index_copy_(0, at, new)


def with_rows(memory: Tensor, env_ids: Tensor, new: Tensor, ctx: StepContext) -> Tensor:
    """What :func:`put_rows` makes of ``memory`` (``[N, …]``), which stays as it was."""
    if len(env_ids) == len(memory):
        return new
    changed = memory.clone()
    put_rows(changed, env_ids, new, ctx)
    return changed


def take_rows(values: Tensor, env_ids: Tensor) -> Tensor:
    """``[M, …]`` the rows ``env_ids`` of ``values`` (``[N, …]``); ``values`` itself, not to be written, where ``M`` is
    ``N``."""
    return values if len(env_ids) == len(values) else values[env_ids]


def blank_memory(num_envs: int, like: Tensor) -> Tensor:
    """``[N, …]`` zeros for measurements ``[M, …]``; written in place, in and outside of inference mode."""
    with torch.inference_mode(False):
        return torch.zeros(num_envs, *like.shape[1:], dtype=like.dtype, device=like.device)


class RecentMeasurements:
    """The last ``slots`` measurements of each of ``num_envs`` environments, the newest in place of the oldest."""

    def __init__(self, num_envs: int, slots: int, device: str | torch.device) -> None:
        self.slots = slots
        self._kept: Tensor | None = None
        """``[N · slots, …]``, made when the shape is known."""
        self._newest = torch.zeros(num_envs, dtype=torch.long, device=device)
        """``[N]`` the newest one's place among an environment's own."""

    def push(self, new: Tensor, env_ids: Tensor, ctx: StepContext, age: Tensor) -> Tensor:
        """Keep ``new`` (``[M, …]``), and return what was kept ``age`` measurements before it.

        Args:
            new: of ``env_ids``.
            env_ids: ``[M]`` int64.
            ctx: says what is padding.
            age: ``[M]`` int64 below ``slots``, and no more than were kept in the episode: nobody forgets at its end.
        """
        if self._kept is None:
            self._kept = blank_memory(len(self._newest) * self.slots, new)
        place, row = (take_rows(self._newest, env_ids) + 1) % self.slots, env_ids * self.slots
        put_rows(self._kept, env_ids, new, ctx, at=row + place)
        put_rows(self._newest, env_ids, place, ctx)
        return self._kept[row + (place - age) % self.slots]


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

    @property
    def takes_padding(self) -> bool:
        """Whether all modifiers do; see :class:`PaddedBatches`."""
        return all(takes_padding(modifier) for modifier in self.modifiers.values())

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
                active = take_rows(self.chances[name].active, env_ids)
                changed = torch.where(rows(active, values), changed, values)
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
