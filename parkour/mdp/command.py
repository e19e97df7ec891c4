"""What robots are told to do: the forward speed, and whatever else a task commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor


class CommandTerm(Protocol):
    """A command: made once as ``Target(num_envs, device, step_dt, **params)``."""

    value: Tensor
    """``[N]`` float32, finite: what each robot is told now. Replaced by a new tensor, not changed in place."""

    def update(self, episode_step: Tensor) -> None:
        """Called once per control step, before observations: draw anew where it is time.

        Args:
            episode_step: ``[N]`` int64; 0 where an episode begins. No branch on values, as in rewards.
        """
        ...


class CommandSet:
    """The commands of a task.

    Args:
        forward: the forward speed [m/s].
        others: further ones, by their names in the task.
    """

    def __init__(self, forward: CommandTerm, others: Mapping[str, CommandTerm] | None = None) -> None:
        self._forward, self._others = forward, dict(others or {})
        self._held: float | None = None

    @property
    def speed(self) -> Tensor:
        """``[N]`` commanded forward speed [m/s]."""
        return self._forward.value

    @speed.setter
    def speed(self, value: Tensor) -> None:
        self._forward.value = value

    @property
    def values(self) -> dict[str, Tensor]:
        """``[N]`` each of the others."""
        return {name: term.value for name, term in self._others.items()}

    def hold(self, speed: float) -> None:
        """Command this forward speed from now on, whatever is drawn [m/s]."""
        self._held = speed
        self.speed = torch.full_like(self.speed, speed)

    def update(self, episode_step: Tensor) -> None:
        """Draw anew where an episode begins or the time has come; ``episode_step`` is ``[N]`` int64."""
        for term in (self._forward, *self._others.values()):
            term.update(episode_step)
        if self._held is not None:
            self.speed = torch.full_like(self.speed, self._held)
