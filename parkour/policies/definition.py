"""What a policy plugin provides: networks, algorithm, and the observation groups they read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parkour.errors import TaskError

if TYPE_CHECKING:
    from parkour.tasks.resolved import ResolvedTask


@dataclass(frozen=True)
class PolicyDefinition:
    """Returned by a policy plugin's factory ``(task: ResolvedTask) -> PolicyDefinition``.

    ``train_cfg`` is the configuration that rsl-rl's runner takes (``actor``, ``critic`` or ``student`` and
    ``teacher``, ``algorithm``, ``obs_groups``, each class as ``"module:Class"``), complete but for what the runner
    adds itself (``num_steps_per_env``, ``save_interval``, ``multi_gpu``).
    """

    runner: str
    """``"module:Class"`` of the runner, an rsl-rl ``OnPolicyRunner``."""
    groups: tuple[str, ...]
    """Observation groups that must be in the task, in the order in which the policy concatenates them."""
    train_cfg: dict[str, Any] = field(default_factory=dict)
    check_training: Callable[[], None] | None = None
    """Raises a :class:`parkour.errors.ParkourError` where the task cannot be trained as the algorithm's numbers ask;
    called before a training begins, and never where a policy only acts."""


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


def define_training(task: ResolvedTask) -> PolicyDefinition:
    """:func:`define_policy` of a task that is to be trained.

    Raises:
        ParkourError: it cannot be.
    """
    definition = define_policy(task)
    if definition.check_training is not None:
        definition.check_training()
    return definition


def acting_network(definition: PolicyDefinition) -> str:
    """Which of a policy's networks acts: ``student`` where there is one, else ``actor``."""
    return "student" if "student" in definition.train_cfg else "actor"
