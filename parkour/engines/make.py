"""The one place where an engine is asked for environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parkour.engines.protocol import Engine
from parkour.engines.task_env import TaskEnv
from parkour.errors import EngineError
from parkour.stages import stage
from parkour.tasks.blame import blamed
from parkour.tasks.resolved import ResolvedTask


def make_task_env(
    engine: Engine,
    task: ResolvedTask,
    *,
    num_envs: int,
    device: str,
    seed: int,
    render: bool = False,
    options: Mapping[str, Any] | None = None,
) -> TaskEnv:
    """Environments of a task, at the start of their first episodes.

    Args:
        engine: what simulates.
        task: what is simulated.
        num_envs: N.
        device: ``cpu`` or ``cuda:N``.
        seed: of courses, and of what is drawn once per environment.
        render: make them give pictures, where the engine can (:class:`parkour.engines.task_env.Rendering`).
        options: the engine's own.

    Raises:
        EngineError: the engine cannot run the task here, or makes something else.
        DeviceError: the device is not there.
    """
    more = {"render": render, **(options or {})}
    with blamed(task), stage(f"building courses for {num_envs} robot{'s' * (num_envs > 1)}"):
        env = engine.make_env(task, num_envs=num_envs, device=device, seed=seed, **more)
    if not isinstance(env, TaskEnv):
        raise EngineError(
            f"engine {type(engine).__name__} made a {type(env).__name__}, expected a parkour.engines.task_env.TaskEnv"
        )
    return env
