"""Errors of the depth camera's mounting: drawn once per robot or, where a task says so, once per episode."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.mdp.events import SimHandle
from parkour_events.draws import uniform


def camera_roll(sim: SimHandle, env_ids: Tensor, *, range: tuple[float, float]) -> None:
    """Each depth camera is turned about its own axis by U(``range``) [rad], its left side up."""
    sim.set_camera_mounting(env_ids, "roll", uniform((len(env_ids),), range, env_ids))


def camera_pitch(sim: SimHandle, env_ids: Tensor, *, range: tuple[float, float]) -> None:
    """Each depth camera looks U(``range``) [rad] further down than it should."""
    sim.set_camera_mounting(env_ids, "pitch", uniform((len(env_ids),), range, env_ids))


def camera_yaw(sim: SimHandle, env_ids: Tensor, *, range: tuple[float, float]) -> None:
    """Each depth camera looks U(``range``) [rad] further left than it should."""
    sim.set_camera_mounting(env_ids, "yaw", uniform((len(env_ids),), range, env_ids))


def camera_position(
    sim: SimHandle, env_ids: Tensor, *, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]
) -> None:
    """Each depth camera sits U(``x``), U(``y``), U(``z``) [m] from where it should, in the base's frame."""
    offsets = [uniform((len(env_ids),), bounds, env_ids) for bounds in (x, y, z)]
    sim.set_camera_mounting(env_ids, "position", torch.stack(offsets, dim=1))
