"""Whether the weights of a checkpoint fit a task and its networks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from parkour.errors import CheckpointError
from parkour.policies.checkpoint import Checkpoint, TaskStamp
from parkour.policies.conditions import check_conditions, conditions_of, trained_conditions

if TYPE_CHECKING:
    from tensordict import TensorDict

    from parkour.engines.task_env import TaskEnv
    from parkour.tasks.build import Layout
    from parkour.tasks.resolved import ResolvedTask


def make_stamp(task: ResolvedTask, env: TaskEnv, obs: TensorDict) -> TaskStamp:
    """What weights trained on ``env`` depend on."""
    return stamp_of(task, obs, env.mdp.observations.layout, env.num_actions)


def stamp_of(task: ResolvedTask, obs: TensorDict, layout: Layout, actions: int | None = None) -> TaskStamp:
    """What weights depend on that are trained in ``task``.

    Args:
        task: the task.
        obs: a batch of its observations, for their shapes.
        layout: fields of each group; empty where nobody says.
        actions: numbers in an action; one per joint when None.
    """
    return TaskStamp(
        name=task.name,
        stage=task.model.stage,
        observations={str(name): tuple(group.shape[1:]) for name, group in obs.items()},
        layout={name: tuple((item.name, item.size) for item in fields) for name, fields in layout.items()},
        actions=task.robot.num_joints if actions is None else actions,
        conditions=conditions_of(task),
    )


def check_stamp(path: Path, got: TaskStamp, expected: TaskStamp, *, same_task: bool = True) -> None:
    """Whether weights trained for ``got`` fit ``expected``.

    Raises:
        CheckpointError: another task (unless ``same_task`` is off), stage, observation group, size, order or action.
    """
    if got.stage != expected.stage:
        raise CheckpointError(f"checkpoint {path} is a {got.stage}, expected a {expected.stage}")
    if same_task and got.name != expected.name:
        raise CheckpointError(
            f"checkpoint {path} is of task {got.name!r}, expected {expected.name!r}", hint=f"parkour train {got.name}"
        )
    for group in sorted({*got.observations, *expected.observations}):
        ours, theirs = got.observations.get(group), expected.observations.get(group)
        if ours != theirs:
            raise CheckpointError(
                f"checkpoint {path}: group {group!r} has shape {_shape(ours)}, the task has {_shape(theirs)}"
            )
    for group in sorted(got.layout.keys() & expected.layout.keys()):
        if got.layout[group] != expected.layout[group]:
            difference = next(
                (pair for pair in zip(got.layout[group], expected.layout[group], strict=False) if pair[0] != pair[1]),
                (len(got.layout[group]), len(expected.layout[group])),
            )
            raise CheckpointError(
                f"checkpoint {path}: group {group!r} holds {difference[0]}, the task has {difference[1]} there"
            )
    if got.actions != expected.actions:
        raise CheckpointError(f"checkpoint {path} has {got.actions} actions, the task has {expected.actions}")


def check_meaning(
    path: Path, checkpoint: Checkpoint, task: ResolvedTask, groups: Collection[str], *, allow_mismatch: bool = False
) -> None:
    """Whether a checkpoint's weights mean in ``task`` what they meant in training.

    See :func:`parkour.policies.conditions.check_conditions`.
    """
    trained = trained_conditions(path, checkpoint.stamp.conditions, checkpoint.task)
    check_conditions(path, trained, task, groups, allow_mismatch=allow_mismatch)


def check_teacher(path: Path, got: TaskStamp) -> None:
    """Whether a checkpoint is one that a student can learn from.

    Raises:
        CheckpointError: it is not.
    """
    if got.stage != "teacher":
        raise CheckpointError(
            f"checkpoint {path} is a {got.stage}, expected a teacher",
            hint=f"a student to begin with is named by --student {path}, besides its teacher (--pretrained, --run or "
            f"--checkpoint); its own run is resumed by --resume --checkpoint {path}",
        )


def begin_with(checkpoint: Checkpoint, path: Path) -> str:
    """The options with which a new run begins with weights from which none can go on."""
    return f"--checkpoint {path}" if checkpoint.stamp.stage == "teacher" else f"--pretrained --student {path}"


def network(path: Path, checkpoint: Checkpoint, name: str) -> dict[str, Tensor]:
    """The weights of one network.

    Raises:
        CheckpointError: the checkpoint has none of this name.
    """
    if (weights := checkpoint.model.get(f"{name}_state_dict")) is None:
        raise CheckpointError(f"checkpoint {path} lacks the network {name!r}")
    return weights


def check_weights(
    path: Path, name: str, got: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, hint: str | None = None
) -> None:
    """Whether a state dict fits a network.

    Raises:
        CheckpointError: a tensor is missing, left over, or of another shape.
    """
    for key in sorted(expected.keys() - got.keys()):
        raise CheckpointError(f"checkpoint {path} lacks the weights {name}.{key}: it is of another policy", hint=hint)
    for key in sorted(got.keys() - expected.keys()):
        raise CheckpointError(f"checkpoint {path} has weights {name}.{key} that the policy has not", hint=hint)
    for key, tensor in expected.items():
        if got[key].shape != tensor.shape:
            raise CheckpointError(
                f"checkpoint {path}: {name}.{key} has shape {_shape(got[key].shape)}, expected {_shape(tensor.shape)}",
                hint=hint,
            )


def _shape(shape: Iterable[int] | None) -> str:
    return "none" if shape is None else "x".join(str(n) for n in shape)
