"""Environments of a task in a simulator: the one thing that engines make and everything else steps.

It speaks rsl-rl's interface itself; :class:`parkour.engines.gymnasium_env.GymnasiumEnv` is Gymnasium's, around any of
these.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from parkour.arguments import seed_number
from parkour.engines.torch_defaults import check_torch_defaults
from parkour.errors import ParkourError
from parkour.quick_imports import import_rsl_rl
from parkour.tasks.blame import blamed

import_rsl_rl()

from rsl_rl.env import VecEnv  # noqa: E402
from tensordict import TensorDict  # noqa: E402

if TYPE_CHECKING:
    import numpy as np

    from parkour.engines.profile import Phase
    from parkour.mdp.task_mdp import TaskMdp
    from parkour.tasks.resolved import ResolvedTask


OVERFLOWS = "Physics/overflows"
"""How often contacts or constraints found no room in the simulator's arrays, and had no force."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One control step. Environments whose episode ended have begun their next one, which is what they observe."""

    observations: dict[str, Tensor]
    """Observation groups, ``[N, …]`` each."""
    reward: Tensor
    """``[N]``."""
    failed: Tensor
    """``[N]`` bool: the episode ended in failure."""
    succeeded: Tensor
    """``[N]`` bool: it ended because the course was completed."""
    timed_out: Tensor
    """``[N]`` bool: its time was up."""

    @property
    def done(self) -> Tensor:
        """``[N]`` bool: the episode ended."""
        return self.failed | self.succeeded | self.timed_out


class TaskEnv(VecEnv):
    """``N`` environments of a task on one device, which reset themselves; rsl-rl's ``VecEnv``.

    An engine's environment derives from this and provides :meth:`_begin`, :meth:`_advance` and :meth:`close`. Further
    abilities are protocols of their own: :class:`Rendering`, :class:`Measurable`.

    ``extras["log"]`` is filled once per ``steps_per_env`` steps of the task's algorithm, that is once per iteration,
    with means over the episodes that ended since.

    Args:
        task: what is simulated.
        mdp: everything of it but the physics; has ``num_envs`` rows and the device.
    """

    task: ResolvedTask
    mdp: TaskMdp
    """The task's own part: course, goals, rewards, statistics."""
    num_envs: int
    num_actions: int
    max_episode_length: int
    """Control steps."""
    device: torch.device
    cfg: dict[str, Any]
    """The task's numbers, for whoever logs them."""
    episode_length_buf: Tensor
    """``[N]`` int64: control steps since each episode's start."""

    def __init__(self, task: ResolvedTask, mdp: TaskMdp) -> None:
        self.task, self.mdp = task, mdp
        self.num_envs, self.num_actions = mdp.num_envs, task.robot.num_joints
        # Narrower types than rsl-rl's.
        self.max_episode_length = task.model.max_episode_steps  # pyright: ignore[reportIncompatibleVariableOverride]
        self.cfg = task.model.model_dump(mode="json")  # pyright: ignore[reportIncompatibleVariableOverride]
        self.episode_length_buf = torch.zeros(mdp.num_envs, dtype=torch.int64, device=mdp.device)
        self.device = self.episode_length_buf.device  # pyright: ignore[reportIncompatibleVariableOverride]
        self._observations: dict[str, Tensor] = {}
        self._steps, self._log_interval = 0, task.model.algorithm.steps_per_env

    # -- what an engine provides -------------------------------------------------------------------------------------

    @abstractmethod
    def _begin(self, env_ids: Tensor | None) -> dict[str, Tensor]:
        """New episodes in ``env_ids`` (``[M]`` int64), or in all; nothing is counted.

        Returns:
            The observation groups of all environments.
        """

    @abstractmethod
    def _advance(self, actions: Tensor) -> Transition:
        """One control step with ``actions`` ``[N, J]``, float32 on the device, canonical order, not clipped yet."""

    @abstractmethod
    def close(self) -> None:
        """Give back what the simulator holds."""

    def _engine_statistics(self) -> dict[str, Tensor]:
        """What the engine counted since the last call: scalars on the device, under names such as :data:`OVERFLOWS`."""
        return {}

    # -- what everybody calls ----------------------------------------------------------------------------------------

    def reset(self, *, seed: int | None = None) -> tuple[TensorDict, dict[str, Any]]:
        """Begin new episodes everywhere.

        Args:
            seed: of all that follows: levels, commands, noise. They are drawn from torch's generators, which are
                seeded. Courses and what is drawn once per environment depend on the seed that the environments were
                made with.
        """
        check_torch_defaults()
        if seed is not None:
            seed = seed_number("seed", seed)
            torch.manual_seed(seed)
            self.mdp.restart(seed)
        with blamed(self.task):
            self._observations = self._begin(None)
        return self.get_observations(), {}

    def begin(self, env_ids: Tensor) -> None:
        """Begin new episodes in ``env_ids`` (``[M]`` int64) alone, whether theirs are over or not."""
        check_torch_defaults()
        with blamed(self.task):
            self._observations = self._begin(env_ids)

    @property
    def groups(self) -> dict[str, Tensor]:
        """The last observation groups, ``[N, …]`` each; the next step may write to them."""
        return self._observations

    def get_observations(self) -> TensorDict:
        """The last observation groups."""
        return TensorDict(self._observations, batch_size=[self.num_envs])  # pyright: ignore[reportArgumentType]

    def transition(self, actions: Tensor) -> Transition:
        """One control step. Robots whose action is not finite are broken by it: they fail, and begin anew.

        Args:
            actions: ``[N, J]`` floating point on the environments' device, in the robot's canonical order.

        Raises:
            ParkourError: they are anything else; torch's defaults were changed.
        """
        check_torch_defaults()
        checked = check_actions(actions, self.num_envs, self.num_actions, self.device)
        with blamed(self.task):
            result = self._advance(self.mdp.receive(checked))
        self._observations = result.observations
        return result

    def step(self, actions: Tensor) -> tuple[TensorDict, Tensor, Tensor, dict[str, Any]]:
        """:meth:`transition` as rsl-rl has it: observations, reward ``[N]``, done ``[N]`` int64, extras.

        ``extras["time_outs"]`` (``[N]`` bool) are ends without failure, for which values are bootstrapped.
        """
        result = self.transition(actions)
        self._steps += 1
        without_failure = result.succeeded | result.timed_out
        extras: dict[str, Any] = {"time_outs": without_failure}
        if self._steps % self._log_interval == 0:
            extras["log"] = self.mdp.drain_statistics() | self._engine_statistics()
        return self.get_observations(), result.reward, (without_failure | result.failed).long(), extras


def check_actions(actions: object, num_envs: int, num_actions: int, device: torch.device) -> Tensor:
    """``actions`` as float32.

    Raises:
        ParkourError: another type, shape, kind of number or device.
    """
    if not isinstance(actions, Tensor):
        raise ParkourError(f"got actions of type {type(actions).__name__}, expected a torch.Tensor")
    if tuple(actions.shape) != (num_envs, num_actions):
        raise ParkourError(
            f"got actions of shape {tuple(actions.shape)}, expected {(num_envs, num_actions)}: environments, joints"
        )
    if actions.layout != torch.strided:
        raise ParkourError(f"got actions of layout {actions.layout}, expected torch.strided")
    if not actions.is_floating_point():
        raise ParkourError(f"got actions of dtype {actions.dtype}, expected torch.float32")
    if actions.device != device:
        raise ParkourError(f"got actions on {actions.device}, expected them on the environments' device {device}")
    return actions.float()


@runtime_checkable
class Rendering(Protocol):
    """An environment that gives pictures."""

    def render(self) -> np.ndarray | None:
        """``[height, width, 3]`` uint8 picture of the first environment; None unless made with ``render=True``."""
        ...


@runtime_checkable
class Measurable(Protocol):
    """An environment that ``parkour bench env`` can measure."""

    def simulate_only(self, steps: int) -> None:
        """Physics alone for ``steps`` control steps: the yardstick."""
        ...

    def phases(self) -> list[Phase]:
        """The parts of a step, for a profile."""
        ...
