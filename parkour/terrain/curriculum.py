"""Which level a robot goes to when its episode ends."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from parkour.errors import PluginError

UP = 0.8
"""Part of the commanded distance beyond which the level rises."""
DOWN = 0.4
"""Part of the commanded distance below which it falls."""


@dataclass(frozen=True)
class EndedEpisodes:
    """What a curriculum decides by: the state of all robots, at a step at which some episodes end."""

    ended: Tensor
    """``[N]`` bool: whose episode ends here. Only theirs are moved, and only theirs says anything."""
    level: Tensor
    """``[N]`` int64: row of the field now."""
    terrain: Tensor
    """``[N]`` int64: index into the task's terrains."""
    distance: Tensor
    """``[N]`` distance walked [m]; along the way points, where they lead back."""
    speed: Tensor
    """``[N]`` commanded forward speed [m/s]."""
    way_points: Tensor
    """``[N]`` way points reached, as a part of all."""
    completed: Tensor
    """``[N]`` bool: all way points were reached."""
    failed: Tensor
    """``[N]`` bool: a termination of failure fired."""
    num_levels: int
    """Of the field."""
    episode_length: float
    """Of a whole episode [s]."""


@runtime_checkable
class CurriculumWithMemory(Protocol):
    """A curriculum made as ``Target(num_envs, device, **params)`` that checkpoints keep something of."""

    def __call__(self, ended: EndedEpisodes) -> Tensor: ...

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and texts."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Curriculum:
    """A registered curriculum in a running task.

    Args:
        name: for errors.
        target: a function ``(ended, **params)``, or a class.
        params: of it.
        num_envs: N.
        device: where its tensors live.
    """

    def __init__(
        self, name: str, target: Callable[..., Any], params: Mapping[str, Any], num_envs: int, device: str
    ) -> None:
        self.name, self._num_envs, self._checked = name, num_envs, False
        make: Any = target
        stateful = inspect.isclass(target)
        self.term: Callable[..., Tensor] = make(num_envs, device, **params) if stateful else target
        self._params = {} if stateful else dict(params)

    def __call__(self, ended: EndedEpisodes) -> Tensor:
        """``[N]`` int64 levels of the next episodes; those beyond the field count as its last.

        Raises:
            PluginError: it is no such tensor (checked on the first call).
        """
        levels = self.term(ended, **self._params)
        if not self._checked:
            shape, kind = tuple(getattr(levels, "shape", ())), getattr(levels, "dtype", type(levels).__name__)
            if shape != (self._num_envs,) or kind != torch.int64:
                raise PluginError(
                    f"curriculum {self.name!r} returned {kind} {shape}, expected torch.int64 ({self._num_envs},)"
                )
            self._checked = True
        return levels

    def state_dict(self) -> dict[str, Any]:
        """What it remembers."""
        return self.term.state_dict() if isinstance(self.term, CurriculumWithMemory) else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up :meth:`state_dict`; nothing where that was empty."""
        if state and isinstance(self.term, CurriculumWithMemory):
            self.term.load_state_dict(state)


def next_levels(
    level: Tensor,
    distance: Tensor,
    speed: Tensor,
    completed: Tensor,
    num_levels: int,
    episode_length: float,
    generator: torch.Generator | None = None,
    *,
    up: float = UP,
    down: float = DOWN,
) -> Tensor:
    """Levels of the next episodes, by the distance walked in the last, along the way points.

    More than 0.8 of the distance that the command asks for in a whole episode leads one level up, less than 0.4 of
    it one down, not below 0; above the last level a random one follows. Completing the course counts as up as well:
    a course of 14 m is shorter than what a fast command asks for. A robot told to stand (speed 0) stays.

    Args:
        level: ``[n]`` int64 levels now.
        distance: ``[n]`` distance walked [m] (:meth:`parkour.terrain.library.CourseState.distance_walked`).
        speed: ``[n]`` commanded speed [m/s].
        completed: ``[n]`` bool: all way points were reached.
        num_levels: levels of the field.
        episode_length: full length of an episode [s].
        generator: source of the random levels, on the tensors' device.
        up: part of the commanded distance beyond which the level rises.
        down: part of it below which it falls.

    Returns:
        ``[n]`` int64.
    """
    asked = speed * episode_length
    rises = ((distance > up * asked) & (speed > 0)) | completed
    falls = (distance < down * asked) & ~rises
    moved = (level + rises).add(falls, alpha=-1)
    anywhere = torch.randint(num_levels, level.shape, generator=generator, device=level.device)
    return torch.where(moved >= num_levels, anywhere, moved.clamp(min=0))


def mean_levels(level: Tensor, terrain: Tensor, num_terrains: int) -> Tensor:
    """``[num_terrains]`` mean level of the environments on each terrain; 0 where there is none. No host sync.

    Args:
        level: ``[N]`` levels.
        terrain: ``[N]`` int64 index of each environment's terrain.
        num_terrains: how many terrains there are.
    """
    count = torch.zeros(num_terrains, device=level.device)
    total = torch.zeros(num_terrains, device=level.device)
    count.index_add_(0, terrain, torch.ones_like(level, dtype=count.dtype))
    total.index_add_(0, terrain, level.to(total.dtype))
    return total / count.clamp(min=1.0)
