"""The policies that can be chosen while people watch: a run's checkpoints, the pretrained weights, drawn actions."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from tensordict import TensorDict
from torch import Tensor

from parkour.errors import CheckpointError, ParkourError
from parkour.policies.checkpoint_folder import BEST_FILE, checkpoints_of
from parkour.policies.protocols import Actor
from parkour.policies.source import PolicySource, Weights, is_pretrained, load_weights, pretrained_checkpoint

NEWEST, BEST, PRETRAINED, ZERO, RANDOM = "newest", "best", "pretrained", "zero actions", "random actions"
LOOK_EVERY = 2.0
"""Between looks into the run's folder [s]."""


class WatchedPolicy(Actor, Protocol):
    """What a session can run; :class:`parkour.policies.deployed.DeployedPolicy` is one."""

    def use_observed_yaw(self, observed: bool) -> None:
        """Go by the yaws of the observations, an externally commanded heading."""
        ...


class DrawnActions:
    """Actions that look at nothing: zeros, or normal draws.

    Args:
        actions: of the robot, J.
        spread: standard deviation; 0 for zeros.
    """

    def __init__(self, actions: int, spread: float) -> None:
        self._actions, self._spread = actions, spread
        # A generator of its own: what courses are drawn does not depend on it.
        self._generator = torch.Generator().manual_seed(1)

    def __call__(self, obs: TensorDict) -> Tensor:
        drawn = torch.randn(obs.batch_size[0], self._actions, generator=self._generator)
        return (self._spread * drawn).to(obs.device or "cpu")

    def reset(self, dones: Tensor | None = None) -> None:
        """Nothing is remembered."""

    def use_observed_yaw(self, observed: bool) -> None:
        """No heading is looked at."""


class PolicyChoices:
    """Policies by name. Names come from the run's folder; what somebody asks for is only ever compared with them.

    Args:
        weights: those that the session began with.
        load: makes a policy of a checkpoint in the session's environment.
        actions: of the robot, J.
    """

    def __init__(self, weights: Weights, load: Callable[[Weights], WatchedPolicy], actions: int) -> None:
        self._load, self._actions = load, actions
        self._folder = None if is_pretrained(weights.path) else weights.path.parent
        self._pretrained = _pretrained_like(weights)
        self._files: dict[str, Path] = {}
        self._best: Path | None = None
        self._looked = -LOOK_EVERY
        self.chosen = PRETRAINED if self._folder is None and self._pretrained else weights.path.stem
        """What was asked for last."""
        self.running = weights.label
        """What acts, in words."""
        self.trouble = ""
        """Why the last choice was not taken up; empty if it was."""
        self._path = weights.path
        self._first = weights.path
        self._look()

    def names(self) -> tuple[str, ...]:
        """All of them, the newest checkpoint first, then the one that was best in training."""
        files = tuple(reversed(self._files))
        kept = () if self._folder is None else (NEWEST, *((BEST,) if self._best else ()), *files)
        return (*kept, *((PRETRAINED,) if self._pretrained else ()), ZERO, RANDOM)

    def take(self, name: str) -> WatchedPolicy | None:
        """The policy of a name; None, with :attr:`trouble`, where there is none or it does not fit."""
        self._look()
        if name not in self.names():
            return None
        if name in (ZERO, RANDOM):
            self.chosen, self.running, self.trouble, self._path = name, name, "", Path()
            return DrawnActions(self._actions, 1.0 if name == RANDOM else 0.0)
        return self._open(name, self._path_of(name))

    def newer(self) -> WatchedPolicy | None:
        """The run's new checkpoint, if the newest one is watched and there is one; looked for now and then."""
        if self.chosen != NEWEST or time.monotonic() - self._looked < LOOK_EVERY:
            return None
        self._look()
        path = self._path_of(NEWEST)
        return self._open(NEWEST, path) if path != self._path else None

    def _path_of(self, name: str) -> Path:
        if name == PRETRAINED:
            return self._pretrained or self._first
        if name == BEST and self._best:
            return self._best
        return list(self._files.values())[-1] if name == NEWEST else self._files[name]

    def _open(self, name: str, path: Path) -> WatchedPolicy | None:
        try:
            weights = load_weights(PolicySource(checkpoint=path))
            policy = self._load(weights)
        except ParkourError as error:
            self.trouble = error.message
            return None
        self.chosen, self.running, self.trouble, self._path = name, weights.label, "", path
        return policy

    def _look(self) -> None:
        self._looked = time.monotonic()
        if self._folder is not None:
            found = {path.stem: path for path in checkpoints_of(self._folder)}
            self._files = found or {self._first.stem: self._first}
            best = self._folder / BEST_FILE
            self._best = best if best.is_file() else None


def _pretrained_like(weights: Weights) -> Path | None:
    """The pretrained weights of the same stage, if any are installed."""
    try:
        return pretrained_checkpoint(weights.checkpoint.stamp.stage)
    except CheckpointError:
        return None
