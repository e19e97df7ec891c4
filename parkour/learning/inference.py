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

from parkour.errors import CheckpointError, TaskError
from parkour.learning.checkpoint import Checkpoint, check_stamp, check_weights, load_checkpoint
from parkour.learning.policy import PolicyDefinition

if TYPE_CHECKING:
    from rsl_rl.env import VecEnv

    from parkour.tasks.resolve import ResolvedTask

Policy = Callable[[TensorDict], Tensor]
"""Deterministic actions ``[N, J]`` of the observation groups."""


def define_policy(task: ResolvedTask) -> PolicyDefinition:
    """The task's policy, with the groups that it needs present.

    Raises:
        TaskError: the task lacks an observation group that the policy reads.
    """
    definition: PolicyDefinition = task.policy.target(task)
    missing = [group for group in definition.groups if group not in task.observations]
    if missing:
        raise TaskError(
            f"policy {task.policy.id} reads the observation groups {', '.join(definition.groups)}; "
            f"the task lacks {', '.join(missing)}",
            hint=f"--with observation:{missing[0]}",
        )
    return definition


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
    actor_cfg = cfg["actor"]
    with contextlib.redirect_stdout(io.StringIO()):
        groups = resolve_obs_groups(obs, cfg["obs_groups"], ["actor"])
    make = resolve_callable(actor_cfg.pop("class_name"))
    actor: MLPModel = make(obs, groups, "actor", num_actions, **actor_cfg)
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
    from parkour.learning.state import make_stamp

    checkpoint = load_checkpoint(path)
    task = task or task_of(checkpoint)
    obs = env.get_observations()
    check_stamp(path, checkpoint.stamp, make_stamp(task, env, obs), same_task=False)
    actor = build_actor(define_policy(task), obs, env.num_actions, str(env.device))
    weights = checkpoint.model.get("actor_state_dict")
    if weights is None:
        raise CheckpointError(f"checkpoint {path} lacks the network 'actor'")
    check_weights(path, "actor", weights, actor.state_dict())
    actor.load_state_dict(weights)
    return actor


def load_policy(path: Path, env: VecEnv, task: ResolvedTask | None = None) -> Policy:
    """:func:`load_actor` as a function ``observations -> actions``."""
    actor = load_actor(path, env, task)

    @torch.inference_mode()
    def policy(obs: TensorDict) -> Tensor:
        return actor(obs)

    return policy
