"""An observation group as a table: each field beside the function that reads it, so that the two cannot part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.mirror import Mirror, Reflection, Sides, joined, same
from parkour.specs import ObservationField


@dataclass(frozen=True)
class Entry:
    """One field of a group and how to read it, before scaling: ``[N, size]`` or, for a single number, ``[N]``."""

    field: ObservationField
    reflection: Reflection
    """How it looks in a mirror."""
    read: Callable[[StepContext], Tensor]

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, size]``, scaled."""
        values = self.read(ctx)
        if values.ndim == 1:
            values = values.unsqueeze(1)
        return values if self.field.scale == 1.0 else values * self.field.scale


class EntryGroup:
    """A group that consists of entries and remembers nothing; a group's class fills :attr:`entries`."""

    entries: Sequence[Entry]

    def layout(self) -> Sequence[ObservationField]:
        return [each.field for each in self.entries]

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, Σ size]``."""
        return concatenate(self.entries, ctx)

    def reset(self, env_ids: Tensor) -> None:
        """Nothing is remembered."""

    def mirror(self, sides: Sides) -> Mirror:
        return mirror_of(self.entries, sides)


def entry(
    name: str, size: int, reflection: Reflection, read: Callable[[StepContext], Tensor], *, scale: float = 1.0,
    unit: str = "",
) -> Entry:  # fmt: skip
    """An entry with its field."""
    return Entry(ObservationField(name=name, size=size, scale=scale, unit=unit), reflection, read)


def reserved(name: str, size: int) -> Entry:
    """Zeros that hold a place of published policies' inputs."""
    return entry(name, size, same, lambda ctx: _zero(ctx.device).expand(ctx.num_envs, size))


@lru_cache(maxsize=8)
def _zero(device: torch.device) -> Tensor:
    # Kept, because to make one is a kernel at every step.
    with torch.inference_mode(False):
        return torch.zeros((), device=device)


def concatenate(entries: Sequence[Entry], ctx: StepContext) -> Tensor:
    """``[N, Σ size]``: all entries, in order."""
    return torch.cat([each(ctx) for each in entries], dim=1)


def field_mask(entries: Sequence[Entry], names: Sequence[str], device: str | torch.device) -> Tensor:
    """``[Σ size]`` bool: the numbers that belong to the fields ``names``."""
    sizes = [(each.field.name in names, each.field.size) for each in entries]
    return torch.tensor([chosen for chosen, size in sizes for _ in range(size)], device=device)


def mirror_of(entries: Sequence[Entry], sides: Sides) -> Mirror:
    """Of :func:`concatenate`."""
    return joined([each.reflection(sides, each.field.size) for each in entries])
