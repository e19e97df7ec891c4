"""Observation groups that a task adds to those that the RMA networks read anyway."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from rsl_rl.models import MLPModel
from tensordict import TensorDict
from torch import Tensor

from parkour.errors import PluginError, TaskError


def check_further(param: str, names: Sequence[str], own: Sequence[str]) -> None:
    """Whether the groups ``names``, which ``policy.params`` has under ``param``, come on top of ``own``.

    Raises:
        TaskError: one is among ``own``, or is named twice.
    """
    for index, name in enumerate(names):
        if name in own or name in names[:index]:
            raise TaskError(
                f"policy.params.{param}: {name!r} is read already, expected further observation groups",
                hint=f"without them the policy reads {', '.join(own)}",
            )


def check_flat(obs: TensorDict, names: Sequence[str]) -> None:
    """Whether groups are rows of numbers.

    Raises:
        PluginError: one is an image.
    """
    for name in names:
        if obs[name].ndim != 2:
            shape = " x ".join(str(size) for size in obs[name].shape[1:])
            raise PluginError(
                f"observation group {name!r} has shape {shape}, but actor and critic read rows of numbers: "
                "flatten it, or give it an encoder in a policy of your own"
            )


def joined(groups: TensorDict | dict[str, Tensor], names: Sequence[str]) -> Tensor | None:
    """``[N, E]`` the groups ``names`` one after the other; None of none."""
    return torch.cat([groups[name] for name in names], dim=-1) if names else None


class Critic(MLPModel):
    """rsl-rl's, which names the group that it cannot read."""

    def _get_obs_dim(self, obs: TensorDict, obs_groups: dict[str, list[str]], obs_set: str) -> tuple[list[str], int]:
        check_flat(obs, obs_groups[obs_set])
        return super()._get_obs_dim(obs, obs_groups, obs_set)
