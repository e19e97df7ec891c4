"""What was wrong in a rollout whose update gave no numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from tensordict import TensorDict
from torch import Tensor

from parkour.engines.task_env import TaskEnv
from parkour.mdp.observations import name_not_finite


@runtime_checkable
class StoresGroups(Protocol):
    """A storage of rollouts of ours: observation groups ``[T, N, …]`` by name."""

    groups: Mapping[str, Tensor]


@runtime_checkable
class StoresObservations(Protocol):
    """rsl-rl's storage of rollouts: observation groups ``[T, N, …]``."""

    observations: TensorDict


def not_finite(storage: Any, env: TaskEnv) -> str:
    """Which observations of a rollout are NaN or infinite: group, fields and robots, in words; empty where none is."""
    layout = env.mdp.observations.layout
    lines = (name_not_finite(name, layout.get(name, ()), values) for name, values in _groups(storage, env))
    return next((line for line in lines if line), "")


def _groups(storage: Any, env: TaskEnv) -> Iterator[tuple[str, Tensor]]:
    """``[T, N, …]`` by name: of the rollout as far as it was kept, and as they are now."""
    kept: Mapping[str, Any] = {}
    if isinstance(storage, StoresObservations):
        kept = dict(storage.observations.items())
    elif isinstance(storage, StoresGroups):
        kept = storage.groups
    yield from ((str(name), values) for name, values in kept.items())
    now: Mapping[str, Any] = dict(env.get_observations().items())
    yield from ((str(name), values[None]) for name, values in now.items())
