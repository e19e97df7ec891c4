"""Which level a robot goes to when its episode ends."""

from __future__ import annotations

import torch
from torch import Tensor

UP = 0.8
"""Part of the commanded distance beyond which the level rises."""
DOWN = 0.4
"""Part of the commanded distance below which it falls."""


def next_levels(
    level: Tensor,
    distance: Tensor,
    speed: Tensor,
    completed: Tensor,
    num_levels: int,
    episode_length: float,
    generator: torch.Generator | None = None,
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

    Returns:
        ``[n]`` int64.
    """
    asked = speed * episode_length
    up = ((distance > UP * asked) & (speed > 0)) | completed
    down = (distance < DOWN * asked) & ~up
    moved = level + up.long() - down.long()
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
