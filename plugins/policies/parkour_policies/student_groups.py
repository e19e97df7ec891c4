"""Observation groups that the student reads, and their sizes."""

from __future__ import annotations

from collections.abc import Sequence

from tensordict import TensorDict

from parkour.errors import PluginError
from parkour_policies.rma_actor import EXPLICIT, HISTORY, PROPRIOCEPTION, SCAN

DEPTH = "depth"
YAW_VALID = "yaw_valid"
PERCEPTION = "perception"
GROUPS = (PROPRIOCEPTION, EXPLICIT, HISTORY, DEPTH, YAW_VALID, PERCEPTION)
"""Of the explicit privileged block only the size is read."""


def sided_groups(further: Sequence[str], latent_coefficient: float) -> tuple[str, ...]:
    """Groups that a student in a mirrored episode is shown the mirror images of.

    Args:
        further: groups that the task adds.
        latent_coefficient: above 0 it learns what the teacher's scan encoder makes of the mirrored scan, too.
    """
    return (PROPRIOCEPTION, HISTORY, DEPTH, YAW_VALID, *further, *((SCAN,) if latent_coefficient > 0.0 else ()))


def flat_sizes(obs: TensorDict) -> dict[str, int]:
    """Numbers of the flat groups.

    Raises:
        PluginError: a group is missing or of another form.
    """
    found = [str(name) for name in obs.keys()]  # noqa: SIM118 - a TensorDict iterates over rows
    if missing := [name for name in GROUPS if name not in found]:
        raise PluginError(f"the student needs the observation groups {', '.join(missing)}; got {', '.join(found)}")
    if obs[DEPTH].ndim != 3:
        raise PluginError(f"group {DEPTH!r} has shape {_shape(obs[DEPTH].shape[1:])}, expected height x width")
    for name in (YAW_VALID, PERCEPTION):
        if obs[name].shape[1:] != (1,):
            raise PluginError(f"group {name!r} has shape {_shape(obs[name].shape[1:])}, expected 1")
    sizes = {name: obs[name].shape[-1] for name in (PROPRIOCEPTION, EXPLICIT, HISTORY)}
    if sizes[HISTORY] % sizes[PROPRIOCEPTION]:
        raise PluginError(
            f"{HISTORY} has {sizes[HISTORY]} numbers, expected a multiple of {PROPRIOCEPTION}'s {sizes[PROPRIOCEPTION]}"
        )
    return sizes


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(n) for n in shape)
