"""A trained policy as Python users have it: observations in, actions out, and the task that it was trained for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from tensordict import TensorDict
from torch import Tensor

from parkour.engines.torch_defaults import check_torch_defaults
from parkour.errors import ParkourError
from parkour.policies.deployed import DeployedPolicy, group_shape, load_actor
from parkour.policies.source import Weights
from parkour.tasks.build import group_sizes, observation_layout
from parkour.tasks.resolved import ResolvedTask


class LoadedPolicy:
    """Deterministic actions of observations, on the inputs that a robot has: the same function as everywhere else.

    Args:
        weights: the checkpoint.
        task: what it acts in.
        device: of the network.
        allow_mismatch: use the weights though inputs or actions mean something else than in training.

    Raises:
        CheckpointError: the weights do not fit the task.
    """

    def __init__(
        self, weights: Weights, task: ResolvedTask, device: str = "cpu", *, allow_mismatch: bool = False
    ) -> None:
        actor = load_actor(weights, task, allow_mismatch=allow_mismatch)
        checkpoint = weights.checkpoint
        # What trained it is not needed any more, and may be large.
        self.weights = replace(weights, checkpoint=replace(checkpoint, optimizers=None, rng=None, env=None))
        self.task = task
        self.device = torch.device(device)
        self.shapes = {
            name: group_shape(checkpoint.stamp, name, size)
            for name, size in group_sizes(observation_layout(task)).items()
        }
        """Shape of each observation group, without the environments."""
        self._policy = DeployedPolicy(actor.to(device))
        self._remembers = bool(actor.is_recurrent)
        self._robots: int | None = None
        """Of the last call."""

    def __call__(self, observations: Mapping[str, Tensor] | Tensor) -> Tensor:
        """Actions ``[N, J]``. Call it once per control step, and :meth:`reset` with the episodes that ended.

        Args:
            observations: the groups that environments of :attr:`task` return, or all of them as one vector ``[N, D]``;
                numbers of any precision, on any device.

        Raises:
            ParkourError: a group is missing, or has another shape; it remembers another number of environments;
                torch's defaults were changed.
        """
        check_torch_defaults()
        groups = self._groups(observations)
        robots = groups.batch_size[0]
        if self._remembers and self._robots not in (None, robots):
            raise ParkourError(
                f"got observations of {robots} environments, where it remembers {self._robots}",
                hint="policy.reset() forgets them; a policy for each set of environments",
            )
        self._robots = robots
        with torch.inference_mode(False):
            return self._policy(groups).clone()

    def reset(self, ended: Tensor | None = None) -> None:
        """Forget the environments ``ended`` (``[N]`` bool), or all; of use to policies with a memory.

        Raises:
            ParkourError: ``ended`` is not one flag for each environment of the last call.
        """
        if ended is None:
            self._robots = None
            self._policy.reset()
            return
        if not isinstance(ended, Tensor) or ended.is_floating_point() or ended.ndim != 1:
            got = f"{ended.dtype} of shape {tuple(ended.shape)}" if isinstance(ended, Tensor) else _kind(ended)
            raise ParkourError(f"ended: got {got}, expected a bool tensor (N,), such as terminated | truncated")
        if self._robots not in (None, len(ended)):
            raise ParkourError(f"ended: got flags of {len(ended)} environments, expected {self._robots}")
        self._policy.reset(ended.to(self.device, torch.bool))

    def __repr__(self) -> str:
        return f"<policy {self.weights.label}, {self.weights.path.name}>"

    def _groups(self, observations: Mapping[str, Tensor] | Tensor) -> TensorDict:
        given = self._split(observations) if isinstance(observations, Tensor) else _named(observations)
        for name, shape in self.shapes.items():
            value = given.get(name)
            if value is not None and not isinstance(value, Tensor):
                raise ParkourError(f"observation group {name!r}: got {_kind(value)}, expected a torch.Tensor")
            if value is None or tuple(value.shape[1:]) != shape:
                got = f"{tuple(value.shape)}" if value is not None else f"only {', '.join(given) or 'nothing'}"
                raise ParkourError(
                    f"observation group {name!r}: got {got}, expected (N, {', '.join(map(str, shape))})",
                    hint="environments of the policy's own task: parkour.make_env(policy.task, num_envs=N)",
                )
        sizes = {name: len(given[name]) for name in self.shapes}
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{size} of {name}" for name, size in sizes.items())
            raise ParkourError(f"got observations of as many environments as {told}, expected one number for all")
        size = next(iter(sizes.values()))
        groups = {name: given[name].to(self.device, torch.float32) for name in self.shapes}
        return TensorDict(groups, batch_size=[size])  # pyright: ignore[reportArgumentType]

    def _split(self, vector: Tensor) -> dict[str, Tensor]:
        """The groups of ``[N, D]``, in the task's order."""
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        if vector.ndim != 2 or vector.shape[1] != sum(sizes):
            raise ParkourError(f"got observations of shape {tuple(vector.shape)}, expected (N, {sum(sizes)})")
        parts = vector.split(sizes, dim=1)
        return {name: part.unflatten(1, shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}


def _named(observations: object) -> dict[str, Tensor]:
    if not isinstance(observations, (Mapping, TensorDict)):
        raise ParkourError(f"got observations of type {_kind(observations)}, expected groups by name, or one tensor")
    return dict(observations.items())  # pyright: ignore[reportReturnType]


def _kind(value: object) -> str:
    return type(value).__name__
