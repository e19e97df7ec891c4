"""What happens to a robot on its way."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.events import SimHandle
from parkour_events.draws import uniform


def push(sim: SimHandle, env_ids: Tensor, *, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Horizontal velocity of the base set to U(``x``), U(``y``) [m/s]; the rest of its velocity stays."""
    velocity = [uniform((len(env_ids),), bounds, env_ids) for bounds in (x, y)]
    sim.set_base_velocity_xy(env_ids, torch.stack(velocity, dim=1))
