"""What differs between robots from the start: drawn once."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.events import SimHandle
from parkour_events.draws import uniform


def friction(sim: SimHandle, env_ids: Tensor, *, range: tuple[float, float], buckets: int) -> None:
    """One of ``buckets`` coefficients U(``range``) for each robot.

    The buckets are for engines with a limited number of materials.
    """
    values = uniform((buckets,), range, env_ids)
    choice = torch.randint(buckets, env_ids.shape, device=env_ids.device)
    sim.set_friction(env_ids, values[choice])


def added_mass(sim: SimHandle, env_ids: Tensor, *, range: tuple[float, float]) -> None:
    """U(``range``) [kg] on top of each base's own mass."""
    sim.set_added_mass(env_ids, uniform((len(env_ids),), range, env_ids))


def com_offset(
    sim: SimHandle, env_ids: Tensor, *, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]
) -> None:
    """Each base's centre of mass displaced by U(``x``), U(``y``), U(``z``) [m]."""
    offsets = [uniform((len(env_ids),), bounds, env_ids) for bounds in (x, y, z)]
    sim.set_com_offset(env_ids, torch.stack(offsets, dim=1))


def gain_scale(
    sim: SimHandle, env_ids: Tensor, *, stiffness: tuple[float, float], damping: tuple[float, float]
) -> None:
    """Each joint's gains times U(``stiffness``) and U(``damping``)."""
    shape = (len(env_ids), sim.layout.num_joints)
    sim.set_gain_scale(env_ids, uniform(shape, stiffness, env_ids), uniform(shape, damping, env_ids))


def motor_strength(sim: SimHandle, env_ids: Tensor, *, range: tuple[float, float]) -> None:
    """The torques of each robot times U(``range``), one factor for all of its joints."""
    sim.set_motor_strength(env_ids, uniform((len(env_ids),), range, env_ids))
