"""From a runner to a checkpoint and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from parkour.errors import CheckpointError
from parkour.learning.rng import rng_state, set_rng_state
from parkour.learning.runner import TrainingRunner
from parkour.packages import versions
from parkour.policies.checkpoint import Checkpoint, TaskStamp
from parkour.policies.checkpoint_file import save_checkpoint
from parkour.policies.checkpoint_folder import checkpoint_path
from parkour.policies.fit import check_stamp, check_teacher, check_weights, network
from parkour.text import printable

_MISFITS = (KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError)
"""What torch and numpy raise where a stranger's states are taken up that are none."""


@runtime_checkable
class JudgesStates(Protocol):
    """An algorithm of a student that has a critic for the teacher's observations."""

    critic: nn.Module

    def load_critic(self, weights: dict[str, Tensor]) -> None:
        """Begin with a teacher's critic, whose weights have been checked."""
        ...


@dataclass
class RunState:
    """Saves and restores a runner in a run folder."""

    runner: TrainingRunner
    folder: Path
    stamp: TaskStamp
    task: Mapping[str, Any]
    """As tables, see :func:`parkour.tasks.task_tables`."""
    seed: int
    last_saved: Path | None = None
    resumed: Checkpoint | None = None
    """What the run resumes from, if it does."""

    def capture(self) -> Checkpoint:
        """Everything that a resumed run needs."""
        saved = dict(self.runner.alg.save())
        optimizers = saved.pop("optimizer_state_dicts", None) or {"ppo": saved.pop("optimizer_state_dict")}
        return Checkpoint(
            iteration=self.runner.current_learning_iteration,
            stamp=self.stamp,
            task=self.task,
            model=saved,
            optimizers=optimizers,
            learning_rate=float(self.runner.alg.learning_rate),
            rng=rng_state(self.runner.device),
            env=dict(self.runner.env.mdp.state_dict()),
            num_envs=self.runner.env.num_envs,
            total_steps=self.runner.total_steps,
            seconds=self.runner.total_seconds,
            seed=self.seed,
            versions=versions(),
        )

    def save(self) -> Checkpoint:
        """Write ``model_<iteration>.pt``; returns what is in it."""
        path = checkpoint_path(self.folder, self.runner.current_learning_iteration)
        checkpoint = self.capture()
        save_checkpoint(path, checkpoint)
        self.last_saved = path
        return checkpoint

    def load_weights(self, path: Path, checkpoint: Checkpoint) -> None:
        """Take up the networks alone.

        Raises:
            CheckpointError: they do not fit this task and policy.
        """
        check_stamp(path, checkpoint.stamp, self.stamp, same_task=False)
        self._check_networks(path, checkpoint)
        self.runner.alg.load(checkpoint.model, {"actor": True, "critic": True}, True)

    def load_teacher(self, path: Path, checkpoint: Checkpoint) -> None:
        """Begin as a student: take up the networks of a teacher.

        The algorithm has the attribute ``teacher`` and the method ``load_teacher(state_dict)``; one that
        :class:`JudgesStates` is given the teacher's critic as well.

        Raises:
            CheckpointError: it is no teacher, or one for other inputs or of another size.
        """
        got = checkpoint.stamp
        check_teacher(path, got)
        # A student has groups besides, which are no concern of the teacher's.
        ours = {name: shape for name, shape in self.stamp.observations.items() if name in got.observations}
        check_stamp(path, got, replace(self.stamp, stage="teacher", observations=ours), same_task=False)
        algorithm: Any = self.runner.alg
        weights = network(path, checkpoint, "actor")
        hint = "give the student the teacher's networks: --set policy.params.NAME=VALUE (see the run's task.toml)"
        check_weights(path, "actor", weights, algorithm.teacher.state_dict(), hint=hint)
        algorithm.load_teacher(weights)
        critic = checkpoint.model.get("critic_state_dict")
        if isinstance(algorithm, JudgesStates) and critic is not None:
            check_weights(path, "critic", critic, algorithm.critic.state_dict(), hint=hint)
            algorithm.load_critic(critic)

    def load_student(self, path: Path, checkpoint: Checkpoint) -> None:
        """Begin with a student's networks. The algorithm has the method ``load_student(state_dict)``.

        Raises:
            CheckpointError: it is no student, or one for other inputs or of another size.
        """
        check_stamp(path, checkpoint.stamp, self.stamp, same_task=False)
        algorithm: Any = self.runner.alg
        weights = network(path, checkpoint, "student")
        check_weights(path, "student", weights, algorithm.student.state_dict(), hint=_students_networks(checkpoint))
        algorithm.load_student(weights)

    def resume(self, path: Path, checkpoint: Checkpoint) -> list[str]:
        """Take up everything; the random numbers with :meth:`resume_rng`, last.

        Returns:
            What could not be restored, a line each.

        Raises:
            CheckpointError: it does not fit this task and policy, or is a slim copy.
        """
        if checkpoint.slim or checkpoint.optimizers is None:
            raise CheckpointError(f"checkpoint {path} is a slim copy without optimizers: no run can resume from it")
        check_stamp(path, checkpoint.stamp, self.stamp)
        self._check_networks(path, checkpoint)
        optimizers = checkpoint.optimizers
        extra = {"optimizer_state_dicts": optimizers, "optimizer_state_dict": optimizers.get("ppo")}
        try:
            self.runner.alg.load({**checkpoint.model, **extra}, None, True)
        except _MISFITS as error:
            raise CheckpointError(f"checkpoint {path}: its optimizers do not fit this policy ({error})") from None
        self.runner.alg.learning_rate = checkpoint.learning_rate
        self.resumed = checkpoint
        self.runner.current_learning_iteration = checkpoint.iteration
        self.runner.total_steps, self.runner.total_seconds = checkpoint.total_steps, checkpoint.seconds
        return self._resume_env(path, checkpoint)

    def _resume_env(self, path: Path, checkpoint: Checkpoint) -> list[str]:
        env = self.runner.env
        if checkpoint.env is None:
            return []
        try:
            env.mdp.load_state_dict(_to(checkpoint.env, env.device))
        except _MISFITS as error:
            raise CheckpointError(f"checkpoint {path}: its environments are not those of this task ({error})") from None
        env.reset()
        if checkpoint.num_envs != env.num_envs:
            return [
                f"the checkpoint has {checkpoint.num_envs} environments, this run {env.num_envs}: levels are redrawn"
            ]
        return []

    def resume_rng(self, checkpoint: Checkpoint) -> None:
        """Take up the random number generators; further processes of a run get streams of their own."""
        rank = self.runner.gpu_global_rank
        if rank == 0 and checkpoint.rng is not None:
            try:
                set_rng_state(checkpoint.rng, self.runner.device)
            except _MISFITS as error:
                raise CheckpointError(f"the checkpoint's random number generators are none ({error})") from None
        else:
            torch.manual_seed(self.seed + rank + 1_000_003 * checkpoint.iteration)

    def _check_networks(self, path: Path, checkpoint: Checkpoint) -> None:
        for key, weights in self.runner.alg.save().items():
            name = key.removesuffix("_state_dict")
            if name != key and not name.startswith("optimizer"):
                check_weights(path, name, network(path, checkpoint, name), weights)


def _students_networks(checkpoint: Checkpoint) -> str:
    """What to try where a student has other networks than the task."""
    policy = checkpoint.task.get("policy")
    params = policy.get("params") if isinstance(policy, Mapping) else None
    encoder = params.get("depth_encoder") if isinstance(params, Mapping) else None
    which = (
        f"policy.params.depth_encoder={printable(encoder)}" if isinstance(encoder, str) else "policy.params.NAME=VALUE"
    )
    return f"give the task the student's networks: the overlay it was trained under, or --set {which}"


def _to(value: Any, device: str | torch.device) -> Any:
    """``value`` with its tensors on ``device``."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: _to(item, device) for key, item in value.items()}
    return value
