"""The deployed policy: the same function of the observations in evaluation, play and export."""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rsl_rl.models import MLPModel
from rsl_rl.utils import resolve_callable, resolve_obs_groups
from tensordict import TensorDict
from torch import Tensor

from parkour.policies.checkpoint import Checkpoint
from parkour.policies.checkpoint_file import load_checkpoint
from parkour.policies.definition import PolicyDefinition, acting_network, define_policy
from parkour.policies.fit import check_stamp, check_weights, make_stamp, network

if TYPE_CHECKING:
    from rsl_rl.env import VecEnv

    from parkour.tasks.resolved import ResolvedTask

Policy = Callable[[TensorDict], Tensor]
"""Deterministic actions ``[N, J]`` of the observation groups."""


def task_of(
    checkpoint: Checkpoint, overlay: str | None = None, *, sets: Iterable[str] = (), withs: Iterable[str] = ()
) -> ResolvedTask:
    """The task that a checkpoint was trained for, rebuilt from its text; see :func:`parkour.tasks.load_task`."""
    from parkour.tasks import load_task

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{checkpoint.stamp.name}.toml"
        path.write_text(checkpoint.task_toml, encoding="utf-8")
        return load_task(path, overlay=overlay, sets=sets, withs=withs)


def build_actor(definition: PolicyDefinition, obs: TensorDict, num_actions: int, device: str) -> MLPModel:
    """The actor alone, with fresh weights, in evaluation mode."""
    cfg: dict[str, Any] = copy.deepcopy(definition.train_cfg)
    name = acting_network(definition)
    actor_cfg = cfg[name]
    with contextlib.redirect_stdout(io.StringIO()):
        groups = resolve_obs_groups(obs, cfg["obs_groups"], [name])
    make = resolve_callable(actor_cfg.pop("class_name"))
    actor: MLPModel = make(obs, groups, name, num_actions, **actor_cfg)
    return actor.to(device).eval()


def load_actor(path: Path, env: VecEnv, task: ResolvedTask | None = None) -> MLPModel:
    """A checkpoint's actor for an environment, in evaluation mode: it acts on the inputs a robot has.

    Args:
        path: the checkpoint; a slim copy will do.
        env: gives sizes and the device.
        task: what ``env`` was made of; rebuilt from the checkpoint when None.

    Raises:
        CheckpointError: the file is unusable, or does not fit the environment.
    """
    checkpoint = load_checkpoint(path)
    task = task or task_of(checkpoint)
    obs = env.get_observations()
    check_stamp(path, checkpoint.stamp, make_stamp(task, env, obs), same_task=False)
    definition = define_policy(task)
    actor = build_actor(definition, obs, env.num_actions, str(env.device))
    name = acting_network(definition)
    weights = network(path, checkpoint, name)
    check_weights(path, name, weights, actor.state_dict())
    actor.load_state_dict(weights)
    # A network may want to know more of the environment than it observes: which images are new, for one.
    if attach := getattr(actor, "attach", None):
        attach(env)
    return actor


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

    def obey_yaws(self, obey: bool) -> None:
        """Go by the yaws of the observations, which somebody steers with.

        Of use to networks that find the way themselves, which offer a method of this name; others do anyway.
        """
        getattr(self.actor, "obey_yaws", lambda obey: None)(obey)


def load_policy(path: Path, env: VecEnv, task: ResolvedTask | None = None) -> DeployedPolicy:
    """:func:`load_actor` as a :class:`DeployedPolicy`."""
    return DeployedPolicy(load_actor(path, env, task))
