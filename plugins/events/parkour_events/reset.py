"""Where an episode begins."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from parkour.mdp.events import SimHandle
from parkour_events.draws import uniform


def reset_base(sim: SimHandle, env_ids: Tensor, *, xy_noise: float, yaw_noise: float) -> None:
    """Base at the layout's height above the start of the patch, facing along it, at rest.

    Draws U(±``xy_noise``) [m] on x and y and U(±``yaw_noise``) [rad] on the heading.
    """
    count = len(env_ids)
    shift = uniform((count, 3), (-xy_noise, xy_noise), env_ids)
    # A fixed height replaces the third draw: assigned to a slice, so that nothing is copied from the host.
    shift[:, 2] = sim.layout.base_height
    yaw = uniform((count,), (-yaw_noise, yaw_noise), env_ids)
    sim.set_base_state(env_ids, sim.spawn(env_ids) + shift, yaw)


def reset_joints(sim: SimHandle, env_ids: Tensor, *, scale: tuple[float, float]) -> None:
    """Each joint at its default position times U(``scale``), at rest."""
    pos = _on_device(sim.layout.default_joint_pos, env_ids.device) * uniform(
        (len(env_ids), sim.layout.num_joints), scale, env_ids
    )
    sim.set_joint_state(env_ids, pos, torch.zeros_like(pos))


@lru_cache(maxsize=8)
def _on_device(values: tuple[float, ...], device: torch.device) -> Tensor:
    # Kept, because a copy from the host is a host sync, and some robot is reset at most steps.
    return torch.tensor(values, device=device)
