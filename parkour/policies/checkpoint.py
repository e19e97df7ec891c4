"""What a checkpoint holds, in memory: weights, what they were trained for, and what a resumed run needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from parkour.policies.conditions import Conditions
from parkour.reading import check_values
from parkour.tasks.model import Stage
from parkour.tasks.names import Name
from parkour.tasks.validation import validate

Size = Annotated[int, Field(ge=0, le=10**8)]
"""Of something in an observation or action."""


@dataclass(frozen=True)
class TaskStamp:
    """What a checkpoint was trained for, as far as its weights depend on it."""

    name: Name
    stage: Stage
    observations: Mapping[str, tuple[Size, ...]]
    """Shape of each observation group, without the environments."""
    layout: Mapping[str, tuple[tuple[str, Size], ...]]
    """Names and sizes of the numbers in each group, in order; empty where the environment does not say."""
    actions: Size
    conditions: Conditions | None = None
    """None in files of format version 1, whose task says them."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "stage": self.stage,
            "observations": {group: list(shape) for group, shape in self.observations.items()},
            "layout": {group: [[name, size] for name, size in entries] for group, entries in self.layout.items()},
            "actions": self.actions,
            "conditions": None if self.conditions is None else self.conditions.as_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskStamp:
        """From what a file holds.

        Raises:
            MalformedError: it is no table of text, numbers and lists.
            TaskError: something is missing, or of another type.
        """
        return validate(cls, check_values(data), path=("stamp",))


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a file."""

    iteration: int
    """Iterations trained; the next one to train has this index."""
    stamp: TaskStamp
    task: Mapping[str, Any]
    """The resolved task as tables, see :func:`parkour.tasks.task_tables`."""
    model: dict[str, Any]
    """State dicts of the networks, by name."""
    optimizers: dict[str, Any] | None
    """State dicts of the optimizers, by name; None in a slim copy."""
    learning_rate: float
    rng: dict[str, Any] | None
    """States of the random number generators; None in a slim copy."""
    env: dict[str, Any] | None
    """State of the environment (levels of the curriculum), where it has one."""
    num_envs: int
    total_steps: int
    """Environment steps of the whole run, over all processes."""
    seconds: float
    """Wall time of the whole run."""
    seed: int
    versions: dict[str, str]

    @property
    def slim(self) -> bool:
        """Whether it lacks what resuming needs."""
        return self.optimizers is None or self.rng is None


def slim(checkpoint: Checkpoint, *, half: bool = False) -> Checkpoint:
    """A copy without optimizers, generators and environment: enough to evaluate, play and export.

    Of a student's nothing but the student is kept. With ``half`` weights are rounded to 16 bits, and are 32 bits again
    when loaded.
    """
    model = checkpoint.model
    if "student_state_dict" in model:
        model = {"student_state_dict": model["student_state_dict"]}
    if half:
        model = {name: {key: _halved(value) for key, value in weights.items()} for name, weights in model.items()}
    return replace(checkpoint, model=model, optimizers=None, rng=None, env=None)


def _halved(value: Any) -> Any:
    return value.half() if isinstance(value, Tensor) and value.dtype is torch.float32 else value
