"""Protocols of the terms that plugins provide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.modifiers import ModifierChain
from parkour.specs import ObservationField


class Term(Protocol):
    """A reward or termination without memory: a pure function of tensors.

    No branch on values and no ``.item()``: all rewards of a task may be compiled into one function.
    """

    def __call__(self, ctx: StepContext, **params: object) -> Tensor:
        """``[N]``: the unweighted reward (float), or whether the episode ends (bool)."""
        ...


@runtime_checkable
class StatefulTerm(Protocol):
    """A reward or termination with memory: made once as ``Target(num_envs, device, layout, **params)``."""

    def __call__(self, ctx: StepContext) -> Tensor: ...

    def reset(self, env_ids: Tensor) -> None:
        """Forget environments, whose episode begins.

        Args:
            env_ids: an index of them, ``[N]`` bool or ``[M]`` int64. Assign numbers through it
                (``self.memory[env_ids] = 0.0``): with a mask that causes no host sync.
        """
        ...


@runtime_checkable
class ObservationTerm(Protocol):
    """An observation group: made once as ``Target(num_envs, device, layout, **params)``.

    What its spec needs (:attr:`parkour.specs.ObservationSpec.needs`) comes as further keyword arguments.
    """

    def layout(self) -> Sequence[ObservationField]:
        """Names, sizes, scales and units of the numbers, in order. Images are one field of ``height * width``."""
        ...

    def __call__(self, ctx: StepContext) -> Tensor:
        """``[N, …]``, finite; called once per control step, after resets."""
        ...

    def reset(self, env_ids: Tensor) -> None:
        """Forget environments, whose episode begins with the next call; see :meth:`StatefulTerm.reset`."""
        ...


@runtime_checkable
class RawObservationTerm(Protocol):
    """An observation group whose modifiers act on what its sensor measures, before the group works on it.

    Noise of a camera belongs to its pixels: applied to the finished observation, it would be of another size, and drawn
    anew at every step while the picture is held.
    """

    def raw_fields(self) -> Sequence[ObservationField]:
        """What the sensor measures."""
        ...

    def take_modifiers(self, modifiers: ModifierChain) -> None:
        """Called once, before the first observation; the group applies them, and whoever holds it resets them."""
        ...


@runtime_checkable
class DerivedObservationTerm(Protocol):
    """An observation group that is made of another one, such as its history: what was wrong there is wrong here."""

    source: str
    """Name of the other group, which comes before it."""

    def derive(self, values: Tensor) -> Tensor:
        """In place of a call: ``[N, …]`` from ``values`` ``[N, …]`` of the source, noise and faults included."""
        ...


@runtime_checkable
class SharingObservationTerm(DerivedObservationTerm, Protocol):
    """One that need not work out what its source has worked out already, where that is the same."""

    def shares(self, source: ObservationTerm) -> bool:
        """Whether a call is :meth:`derive` of what a call of ``source`` returns, to the last bit."""
        ...
