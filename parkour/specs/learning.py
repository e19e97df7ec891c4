"""What learns, and what is told how it goes: encoders, policies, loggers, callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from parkour.specs.spec import Kind, Spec


@dataclass(frozen=True, kw_only=True)
class EncoderSpec(Spec):
    """A factory ``(input_shape, latent_dim, **params) -> nn.Module``."""

    kind: ClassVar[Kind] = "encoder"
    encodes: Literal["scan", "history", "privileged", "depth"]
    recurrent: bool = False
    """Whether the module keeps a state from step to step."""


@dataclass(frozen=True, kw_only=True)
class PolicySpec(Spec):
    """A factory of the rsl-rl training configuration: see :class:`parkour.policies.definition.PolicyDefinition`."""

    kind: ClassVar[Kind] = "policy"
    stage: Literal["teacher", "student"]
    algorithm: str | None = None
    """``"module:Class"`` of the parameter model of a task's ``[algorithm.params]``; with None nobody checks them before
    the policy does, and a run keeps only those that the task writes down."""


@dataclass(frozen=True, kw_only=True)
class LoggerSpec(Spec):
    """Where the numbers of a training go: a class made as ``Target(context)``.

    The context is a :class:`parkour.learning.loggers.LoggerContext`; the object has ``on_iteration(iteration)``, which
    is given a :class:`parkour.learning.iteration.Iteration`, and ``close()``.
    """

    kind: ClassVar[Kind] = "logger"
    keeps: tuple[str, ...] = ()
    """Names of its own files in a run folder that a run which never trained may lose."""
    online: bool = False
    """Whether it talks to a server: then checks do not make one."""


@dataclass(frozen=True, kw_only=True)
class CallbackSpec(Spec):
    """What is called as a training goes: a class made as ``Target(**params)``, a
    :class:`parkour.learning.callbacks.TrainingCallback`."""

    kind: ClassVar[Kind] = "callback"
    renders: bool = False
    """Whether it wants pictures: the environment is made so that it gives them, which costs memory and time."""
