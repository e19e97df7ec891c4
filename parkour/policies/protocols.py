"""What networks and algorithms are, and what some of them can do besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from tensordict import TensorDict
from torch import Tensor, nn


@runtime_checkable
class Actor(Protocol):
    """A network that acts. In ``eval()`` mode it is deterministic, on the inputs that a robot has."""

    def __call__(self, obs: TensorDict) -> Tensor:
        """Actions ``[N, J]``; once per control step."""
        ...

    def reset(self, dones: Tensor | None = None) -> None:
        """Forget the environments ``dones`` (``[N]``), or all."""
        ...


@runtime_checkable
class ImageSource(Protocol):
    """Says which images are new, without a host sync; :class:`parkour.mdp.task_mdp.TaskMdp` does."""

    refreshed: Tensor | None
    """``[M]`` int64: environments whose image is new at this step; None: all."""


@runtime_checkable
class FollowsImages(Protocol):
    """An actor that encodes new images alone."""

    def follow_images(self, source: object) -> None:
        """Take the word of ``source`` from now on, if it is an :class:`ImageSource`."""
        ...


@runtime_checkable
class TakesObservedYaw(Protocol):
    """An actor that finds its heading itself, and can go by an externally commanded one instead."""

    def use_observed_yaw(self, observed: bool) -> None:
        """Go by the yaws of the observations, or again by its own."""
        ...


class Algorithm(Protocol):
    """What the training loop calls: rsl-rl's algorithms, and ours on their interface.

    Made by a class method ``construct_algorithm(obs, env, cfg, device)``. Further abilities:
    :class:`BeginsIterations`, :class:`KnowsActionStd`, :class:`FollowsProgress`, :class:`ReportsScalars`.
    """

    storage: Any
    """Of the rollout; ``clear()`` throws it away."""
    learning_rate: float

    def act(self, obs: TensorDict) -> Tensor: ...

    def process_env_step(self, obs: TensorDict, rewards: Tensor, dones: Tensor, extras: dict[str, Any]) -> None: ...

    def compute_returns(self, obs: TensorDict) -> None: ...

    def update(self) -> dict[str, float]:
        """Train on the rollout; mean losses, by name."""
        ...

    def train_mode(self) -> None: ...

    def eval_mode(self) -> None: ...

    def get_policy(self) -> nn.Module: ...

    def broadcast_parameters(self) -> None: ...

    def save(self) -> dict[str, Any]: ...

    def load(self, loaded_dict: dict[str, Any], load_cfg: dict[str, Any] | None, strict: bool) -> bool: ...


@runtime_checkable
class BeginsIterations(Protocol):
    """An algorithm that does not do the same in all iterations."""

    def begin_iteration(self, iteration: int) -> None:
        """Called before each rollout."""
        ...


@runtime_checkable
class KnowsActionStd(Protocol):
    """An algorithm that knows its actions' deviation without asking the device."""

    action_std: float | None
    """Mean standard deviation of the actions; None before the first update."""


@runtime_checkable
class FollowsProgress(Protocol):
    """An algorithm that wants to know how much of the run is over."""

    def follow(self, progress: float) -> None:
        """Called before each rollout, the same in all processes: 0 at the beginning, 1 at the end.

        It is that of the time limit or of the iterations, whichever is further.
        """
        ...


@runtime_checkable
class ReportsScalars(Protocol):
    """An algorithm that has more to tell of an iteration than its losses."""

    def scalars(self) -> Mapping[str, float]:
        """Of the last rollout and update, by full name (``Policy/yaw_valid``); asked after each update."""
        ...
