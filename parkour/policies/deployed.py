"""The deployed policy: the same function of the observations in evaluation, play and export."""

from __future__ import annotations

import contextlib
import copy
import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from rsl_rl.models import MLPModel
from rsl_rl.utils import resolve_callable, resolve_obs_groups
from tensordict import TensorDict
from torch import Tensor

from parkour.engines.torch_defaults import check_torch_defaults
from parkour.policies.checkpoint import TaskStamp
from parkour.policies.definition import PolicyDefinition, acting_network, define_policy
from parkour.policies.fit import check_meaning, check_stamp, check_weights, make_stamp, network, stamp_of
from parkour.policies.protocols import FollowsImages, TakesObservedYaw
from parkour.tasks.build import group_sizes, observation_layout

if TYPE_CHECKING:
    from parkour.engines.task_env import TaskEnv
    from parkour.policies.source import Weights
    from parkour.tasks.resolved import ResolvedTask

Policy = Callable[[TensorDict], Tensor]
"""Deterministic actions ``[N, J]`` of the observation groups."""


def build_actor(definition: PolicyDefinition, obs: TensorDict, num_actions: int, device: str) -> MLPModel:
    """The actor alone, with fresh weights, in evaluation mode.

    Raises:
        ParkourError: torch's defaults are not its own; its layers would have another precision than they were
            trained with.
    """
    check_torch_defaults()
    cfg: dict[str, Any] = copy.deepcopy(definition.train_cfg)
    name = acting_network(definition)
    actor_cfg = cfg[name]
    with contextlib.redirect_stdout(io.StringIO()):
        groups = resolve_obs_groups(obs, cfg["obs_groups"], [name])
    make = resolve_callable(actor_cfg.pop("class_name"))
    actor: MLPModel = make(obs, groups, name, num_actions, **actor_cfg)
    return actor.to(device).eval()


def load_actor(
    weights: Weights, task: ResolvedTask, env: TaskEnv | None = None, *, allow_mismatch: bool = False
) -> MLPModel:
    """The network that acts, in evaluation mode: it acts on the inputs that a robot has.

    Args:
        weights: the checkpoint; a slim copy will do.
        task: what it acts in.
        env: of that task; gives sizes and the device. None: sizes are the task's, the device is the CPU.
        allow_mismatch: use the weights though the task means something else by inputs or actions.

    Raises:
        CheckpointError: the weights do not fit, or would mean something else in this task.
    """
    path, checkpoint = weights.path, weights.checkpoint
    if env is None:
        obs = example_observations(task, checkpoint.stamp)
        stamp, device = stamp_of(task, obs, observation_layout(task)), "cpu"
    else:
        obs = env.get_observations()
        stamp, device = make_stamp(task, env, obs), str(env.device)
    check_stamp(path, checkpoint.stamp, stamp, same_task=False)
    definition = define_policy(task)
    actor = build_actor(definition, obs, stamp.actions, device)
    name = acting_network(definition)
    check_meaning(path, checkpoint, task, definition.train_cfg["obs_groups"][name], allow_mismatch=allow_mismatch)
    found = network(path, checkpoint, name)
    check_weights(path, name, found, actor.state_dict())
    actor.load_state_dict(found)
    if env is not None and isinstance(actor, FollowsImages):
        actor.follow_images(env.mdp)
    return actor


def example_observations(task: ResolvedTask, stamp: TaskStamp) -> TensorDict:
    """Zeros ``[1, …]`` for each observation group of a task, in the shapes that ``stamp`` has for them.

    Layouts count an image's pixels; only who was trained on them knows the sides.
    """
    groups = {
        name: torch.zeros(1, *group_shape(stamp, name, size))
        for name, size in group_sizes(observation_layout(task)).items()
    }
    return TensorDict(groups, batch_size=[1])  # pyright: ignore[reportArgumentType]


def group_shape(stamp: TaskStamp, name: str, size: int) -> tuple[int, ...]:
    """Shape of an observation group of ``size`` numbers: the stamp's, where it has as many."""
    shape = tuple(stamp.observations.get(name, (size,)))
    return shape if math.prod(shape) == size else (size,)


class DeployedPolicy:
    """A network as a function ``observations -> actions``, called once per control step.

    One with a memory must be told which episodes ended: call :meth:`reset` with the dones after each step.
    """

    def __init__(self, actor: MLPModel) -> None:
        self.actor = actor

    @torch.inference_mode()
    def __call__(self, obs: TensorDict) -> Tensor:
        """Deterministic actions ``[N, J]``."""
        return self.actor(obs)

    @torch.inference_mode()
    def reset(self, dones: Tensor | None = None) -> None:
        """Forget the environments ``dones`` (``[N]``), or all."""
        self.actor.reset(dones)

    def use_observed_yaw(self, observed: bool) -> None:
        """Go by the yaws of the observations, an externally commanded heading.

        Of use to networks that find the way themselves (:class:`TakesObservedYaw`); others do anyway.
        """
        if isinstance(self.actor, TakesObservedYaw):
            self.actor.use_observed_yaw(observed)


def load_policy(
    weights: Weights, task: ResolvedTask, env: TaskEnv | None = None, *, allow_mismatch: bool = False
) -> DeployedPolicy:
    """:func:`load_actor` as a :class:`DeployedPolicy`."""
    return DeployedPolicy(load_actor(weights, task, env, allow_mismatch=allow_mismatch))
