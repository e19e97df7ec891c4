"""How long steps and episodes are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Times of a task, in the units the loop needs."""

    step_dt: float
    """Control step [s]."""
    max_episode_steps: int
    perception_period: int
    """Control steps between refreshes of the slow sensors."""
