"""Gymnasium's interface of a task's environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Dict, Space
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from parkour.arguments import seed_number, whole
from parkour.engines.choice import check_engine_options, choose_engine
from parkour.engines.device import choose_device, stepping_threads
from parkour.engines.make import make_task_env
from parkour.engines.task_env import Rendering, TaskEnv, Transition
from parkour.errors import ParkourError
from parkour.mdp.observations import few
from parkour.tasks.changes import Changes
from parkour.tasks.resolve import load_task
from parkour.tasks.resolved import ResolvedTask

DEFAULT_SEED = 1
Observation = Tensor | dict[str, Tensor]


class GymnasiumEnv(VectorEnv):
    """A :class:`parkour.engines.task_env.TaskEnv` as a ``gymnasium.vector.VectorEnv``.

    Observations, rewards and ends are ordinary torch tensors on the environments' device, which autograd takes and
    nobody writes to later. Actions may be tensors or numpy arrays.

    Environments whose episode ends begin the next one in the same step (``AutoresetMode.SAME_STEP``). What their last
    state looked like is not observed, so ``info`` has no ``final_obs``.

    Args:
        env: closed with this one.
        flat: observe all groups as one vector, in the task's order; else as a dictionary of groups.
        render_mode: ``rgb_array`` if it was made for pictures.
    """

    def __init__(self, env: TaskEnv, *, flat: bool = False, render_mode: str | None = None) -> None:
        self.env, self.flat = env, flat
        self.num_envs = env.num_envs
        self.render_mode = render_mode
        self.metadata = {
            "autoreset_mode": AutoresetMode.SAME_STEP,
            "render_modes": ["rgb_array"],
            "render_fps": 1.0 / env.mdp.clock.step_dt,
        }
        clip = env.task.model.control.action_clip
        self.single_action_space = Box(-clip, clip, (env.num_actions,), np.float32)
        self.single_observation_space = _observation_space(env.groups, flat)
        self.action_space = batch_space(self.single_action_space, env.num_envs)
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    @property
    def device(self) -> torch.device:
        """Of all tensors."""
        return self.env.device

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin new episodes everywhere; see :meth:`parkour.engines.task_env.TaskEnv.reset` for the seed.

        Raises:
            ParkourError: a seed per environment, or options, which there are none of; the environments are closed.
        """
        self._check_open()
        if isinstance(seed, (list, tuple)):
            raise ParkourError(f"got the seed {seed!r}, expected one int for all environments")
        if options:
            raise ParkourError(f"got the options {', '.join(map(str, options))}, expected none")
        self.env.reset(seed=None if seed is None else seed_number("seed", seed))
        return self._ordinary(self.env.groups), {}

    def step(
        self, actions: Tensor | np.ndarray
    ) -> tuple[Observation, Tensor, Tensor, Tensor, dict[str, Any]]:  # fmt: skip
        """One control step.

        Args:
            actions: ``[N, J]`` floating point: joint targets as offsets from the default pose, before scaling.

        Returns:
            Observations, reward ``[N]``, terminated ``[N]`` bool (failed or completed the course), truncated ``[N]``
            bool (the time was up), and info: ``failed``, ``succeeded`` and ``broken`` (it failed because its state or
            its action was not finite), ``[N]`` bool.

        Raises:
            ParkourError: actions of another type, shape, kind of number or device; NaN or infinite ones that do not
                lie on a GPU, where looking would wait for it; the environments are closed.
        """
        self._check_open()
        on_host = _from_numpy(actions) if isinstance(actions, np.ndarray) else actions
        _check_finite(on_host)
        actions = on_host.to(self.device) if isinstance(actions, np.ndarray) else actions
        with stepping_threads(self.device):
            result = self.env.transition(actions)
        return self._five(result)

    def render(self) -> tuple[np.ndarray, ...] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One picture, of the first environment; None unless they were made with ``render_mode="rgb_array"``."""
        self._check_open()
        picture = self.env.render() if self.render_mode is not None and isinstance(self.env, Rendering) else None
        return None if picture is None else (picture,)

    def _check_open(self) -> None:
        if self.closed:
            raise ParkourError("the environments are closed", hint="make new ones: parkour.make_env(TASK, NUM_ENVS)")

    def close_extras(self, **kwargs: Any) -> None:
        self.env.close()

    def _five(self, result: Transition) -> tuple[Observation, Tensor, Tensor, Tensor, dict[str, Any]]:
        observations = self._ordinary(result.observations)
        with torch.inference_mode(False):
            failed, succeeded, truncated = result.failed.clone(), result.succeeded.clone(), result.timed_out.clone()
            info = {"failed": failed, "succeeded": succeeded, "broken": self.env.mdp.broken.clone()}
            return observations, result.reward.clone(), failed | succeeded, truncated, info

    def _ordinary(self, groups: Mapping[str, Tensor]) -> Observation:
        """Copies made outside inference mode, in which an engine may step."""
        with torch.inference_mode(False):
            if self.flat:
                return torch.cat([value.flatten(1) for value in groups.values()], dim=-1).float()
            return {name: value.clone() for name, value in groups.items()}


def _from_numpy(actions: np.ndarray) -> Tensor:
    """A tensor of its own: an array may be read-only, reversed, or in another byte order.

    Raises:
        ParkourError: it is not of floating point numbers.
    """
    if not np.issubdtype(actions.dtype, np.floating):
        raise ParkourError(f"got actions of dtype {actions.dtype}, expected float32")
    with np.errstate(over="ignore"):  # What is too large is infinite, and refused.
        return torch.from_numpy(np.array(actions, dtype=np.float32, order="C"))


def _check_finite(actions: object) -> None:
    """Whether actions on the host are finite; on a GPU, a robot whose action is not fails, without anybody waiting.

    Raises:
        ParkourError: they are not.
    """
    # What has another type or shape is told of later.
    if not isinstance(actions, Tensor) or actions.device.type != "cpu" or actions.dim() != 2:
        return
    if actions.layout != torch.strided or not actions.is_floating_point():
        return
    finite = actions.float().isfinite().all(dim=-1)
    if not bool(finite.all()):
        bad = (~finite).nonzero().flatten().tolist()
        raise ParkourError(f"got actions that are NaN or infinite for {len(bad)} of {len(actions)} robots ({few(bad)})")


def _observation_space(groups: Mapping[str, Tensor], flat: bool) -> Space:
    shapes = {name: tuple(value.shape[1:]) for name, value in groups.items()}
    if flat:
        return Box(-np.inf, np.inf, (sum(int(np.prod(shape)) for shape in shapes.values()),), np.float32)
    return Dict({name: Box(-np.inf, np.inf, shape, np.float32) for name, shape in shapes.items()})


def make_vec_env(
    task: str | ResolvedTask,
    num_envs: int = 1,
    *,
    overlay: str = "train",
    changes: Changes | None = None,
    engine: str | None = None,
    device: str | torch.device | None = None,
    seed: int = DEFAULT_SEED,
    flat: bool = True,
    render_mode: str | None = None,
    **engine_options: Any,
) -> GymnasiumEnv:
    """What ``gymnasium.make_vec("parkour/NAME", num_envs=N, …)`` calls.

    Args:
        task: name of a registered task, or one that was resolved.
        num_envs: N.
        overlay: of a named task.
        changes: applied to a named task; see :mod:`parkour.tasks.changes`.
        engine: name of the simulator; the first that can run here when None.
        device: ``cpu`` or ``cuda:N``; a GPU if there is one when None.
        seed: of courses, and of what is drawn once per environment.
        flat: observations as one vector rather than a dictionary of groups.
        render_mode: ``rgb_array`` for pictures.
        engine_options: options of the engine's own.

    Raises:
        ParkourError: there is no such task, engine or device, nothing can run here, or a number is none.
    """
    if render_mode not in (None, "rgb_array"):
        raise ParkourError(f"got render_mode {render_mode!r}, expected 'rgb_array' or None")
    num_envs, seed = whole("num_envs", num_envs, 1), seed_number("seed", seed)
    resolved = load_task(task, overlay=overlay, changes=changes) if isinstance(task, str) else task
    identity, simulator = choose_engine(engine)
    check_engine_options(identity, simulator, engine_options)
    env = make_task_env(
        simulator, resolved, num_envs=num_envs, device=choose_device(device), seed=seed,
        render=render_mode is not None, options=engine_options,
    )  # fmt: skip
    return GymnasiumEnv(env, flat=flat, render_mode=render_mode)
