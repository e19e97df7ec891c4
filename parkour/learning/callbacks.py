"""What is called as a training goes: at its start, after each iteration, at each checkpoint, and at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parkour.engines.task_env import TaskEnv
from parkour.errors import ParkourError, PluginError
from parkour.learning.guard import Guard
from parkour.learning.iteration import Iteration
from parkour.learning.runner import TrainingRunner
from parkour.policies.protocols import Actor
from parkour.registry import Registry, default_registry
from parkour.specs import CallbackSpec
from parkour.tasks.checks import check_interface
from parkour.tasks.components import load_component
from parkour.tasks.resolved import ResolvedComponent, ResolvedTask


@dataclass
class Training:
    """A training as its callbacks see it, in the first of its processes."""

    task: ResolvedTask
    run: Path
    """The run folder. Files of a callback's own may go there; ``model_*.pt`` and what training writes are not its."""
    runner: TrainingRunner
    notify: Callable[[str], None] = lambda line: None
    """Tells the user a line."""
    stopped: str = ""
    """At the end: why it ended before the last iteration; empty if it did not."""
    failed: bool = False
    """At the end: whether an error ended it."""
    wish: str = field(default="", repr=False)

    @property
    def env(self) -> TaskEnv:
        return self.runner.env

    @property
    def iteration(self) -> int:
        """Iterations trained so far."""
        return self.runner.current_learning_iteration

    def stop(self, reason: str) -> None:
        """End the training before its next step, with a checkpoint; ``reason`` is a line for the user."""
        self.wish = self.wish or reason or "a callback stopped it"

    @contextmanager
    def acting(self) -> Iterator[Actor]:
        """The policy as it acts in evaluation: deterministic, on what a robot has. Training goes on as before."""
        try:
            yield self.runner.get_inference_policy()
        finally:
            self.runner.alg.train_mode()


class TrainingCallback:
    """Base of callbacks: each method does nothing until it is written.

    All run in the first process, between steps, and training waits for them. What they draw from torch's global random
    numbers changes the training: draw from a generator of your own. One that raises is told of in a line and not called
    any more.
    """

    def on_start(self, training: Training) -> None:
        """Before the first iteration of this process; a run that resumes has trained ``training.iteration`` before."""

    def on_iteration(self, training: Training, iteration: Iteration) -> None:
        """After each iteration, with everything that is logged of it."""

    def on_checkpoint(self, training: Training, checkpoint: Path) -> None:
        """After a checkpoint was written; ``checkpoint`` is its file."""

    def on_end(self, training: Training) -> None:
        """At the end, whatever ended it (:attr:`Training.stopped`, :attr:`Training.failed`), before the environment
        is closed."""


@dataclass(frozen=True)
class ChosenCallback:
    """A callback that a training is to have: imported, not made."""

    name: str
    component: ResolvedComponent

    @property
    def renders(self) -> bool:
        return isinstance(self.component.spec, CallbackSpec) and self.component.spec.renders

    def make(self) -> TrainingCallback:
        """The callback.

        Raises:
            PluginError: it cannot be made, or is none.
        """
        part = self.component
        try:
            made = part.target(**part.kwargs)
        except ParkourError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise PluginError(f"callback {part.id!r} (version {part.version}) cannot be made: {reason}") from error
        if not isinstance(made, TrainingCallback):
            raise PluginError(f"callback {part.id!r}: got a {type(made).__name__}, expected a parkour.TrainingCallback")
        return made


def find_callbacks(
    wanted: Mapping[str, Mapping[str, Any]], registry: Registry | None = None
) -> tuple[ChosenCallback, ...]:
    """Callbacks by name or id, with the parameters that are given for them.

    Raises:
        UnknownNameError: there is no such callback.
        TaskError: a parameter does not validate.
        PluginError: one cannot be imported, or cannot be called as agreed.
    """
    registry = registry or default_registry()
    found = []
    for name, numbers in wanted.items():
        item = registry.get("callback", name)
        component = load_component(item, name, numbers, ("--callback", name))
        check_interface(component)
        found.append(ChosenCallback(name, component))
    return tuple(found)


class Callbacks:
    """All callbacks of a training; a listener. Faults of theirs do not end it.

    Args:
        training: what they are told of.
        callbacks: each with its name.
    """

    def __init__(self, training: Training, callbacks: Sequence[tuple[str, TrainingCallback]]) -> None:
        self.training = training
        self._all = [(Guard(f"callback {name!r}", training.notify), callback) for name, callback in callbacks]

    @classmethod
    def made(
        cls, training: Training, chosen: Sequence[ChosenCallback], more: Sequence[TrainingCallback] = ()
    ) -> Callbacks:
        """Those that were chosen by name, and more.

        Raises:
            ParkourError: one cannot be made.
        """
        named = [(each.component.id, each.make()) for each in chosen]
        return cls(training, [*named, *((type(each).__name__, each) for each in more)])

    def start(self) -> None:
        """Training begins."""
        for guard, callback in self._all:
            guard.call(callback.on_start, self.training, when="at the start")

    def on_iteration(self, iteration: Iteration) -> None:
        for guard, callback in self._all:
            guard.call(callback.on_iteration, self.training, iteration, when=f"in iteration {iteration.index}")

    def saved(self, checkpoint: Path | None) -> None:
        """A checkpoint was written."""
        if checkpoint is None:
            return
        for guard, callback in self._all:
            guard.call(callback.on_checkpoint, self.training, checkpoint, when=f"at checkpoint {checkpoint.name}")

    @contextmanager
    def told_of_the_end(self) -> Iterator[None]:
        """Tells of the end of what is done inside, when all that was opened there is closed."""
        try:
            yield
        except Exception as error:
            self._end(str(error), failed=True)
            raise
        self._end(self.training.runner.stop_reason)

    def _end(self, stopped: str, *, failed: bool = False) -> None:
        self.training.stopped, self.training.failed = stopped, failed
        for guard, callback in self._all:
            guard.call(callback.on_end, self.training, when="at the end", last=True)

    def close(self) -> None:
        """Nothing: the end is told by :meth:`told_of_the_end`."""
