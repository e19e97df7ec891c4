"""Levels by the distance walked."""

from __future__ import annotations

from torch import Tensor

from parkour import EndedEpisodes, Params, param
from parkour.terrain.curriculum import DOWN, UP, next_levels


class DistanceParams(Params):
    """Numbers that a task can set."""

    up: float = param(UP, ge=0.0, le=10.0)
    """Part of the distance that the command asks for in a whole episode, beyond which the level rises."""
    down: float = param(DOWN, ge=0.0, le=10.0)
    """Part of it below which the level falls."""


def by_distance(ended: EndedEpisodes, *, up: float, down: float) -> Tensor:
    """``[N]`` one level up or down; above the last a random one. See :func:`parkour.terrain.curriculum.next_levels`."""
    return next_levels(
        ended.level, ended.distance, ended.speed, ended.completed, ended.num_levels, ended.episode_length,
        up=up, down=down,
    )  # fmt: skip
