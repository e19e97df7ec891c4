"""Observations as they occur: from a short rollout of the task, or from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from parkour.engines.choice import check_engine_options, choose_engine
from parkour.engines.make import make_task_env
from parkour.errors import ExportError, ParkourError
from parkour.policies.deployed import DeployedPolicy
from parkour.tasks.resolved import ResolvedTask
from parkour_deploy.arrays import MalformedArraysError, read_arrays

ENVIRONMENTS = 5
STEPS = 100


def load_recording(path: Path, size: int) -> np.ndarray:
    """``[T, N, size]`` float32 observations of an ``.npz`` file with an array ``obs`` (or of an ``.npy`` file).

    Raises:
        ExportError: it cannot be read, or holds something else.
    """
    try:
        obs = read_arrays(path, only="obs")["obs"]
    except (OSError, MalformedArraysError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise ExportError(
            f"--recording {path}: cannot be read ({reason}), expected an .npz file with an array 'obs'"
        ) from None
    if obs.dtype.kind not in "fiu":
        raise ExportError(f"--recording {path}: got an array of {obs.dtype}, expected numbers")
    if obs.ndim == 2:
        obs = obs[:, None]
    if obs.ndim != 3 or obs.shape[-1] != size or 0 in obs.shape:
        raise ExportError(f"--recording {path}: got an array of shape {obs.shape}, expected (steps, robots, {size})")
    if not np.isfinite(obs).all():
        raise ExportError(f"--recording {path}: got NaN or infinite numbers, expected finite ones")
    with np.errstate(over="ignore"):
        rounded = np.ascontiguousarray(obs, dtype=np.float32)
    if not np.isfinite(rounded).all():
        raise ExportError(f"--recording {path}: got numbers beyond those of 32 bits, expected observations")
    return rounded


def record_rollout(
    task: ResolvedTask,
    policy: DeployedPolicy,
    *,
    engine: str | None,
    notify: Callable[[str], None],
    engine_options: Mapping[str, str] | None = None,
    num_envs: int = ENVIRONMENTS,
    steps: int = STEPS,
    seed: int = 1,
) -> np.ndarray | None:
    """``[T, N, size]`` observations of ``policy`` in the task, on the CPU; None where no simulator can run.

    Args:
        task: with its overlay.
        policy: what acts.
        engine: name of the simulator; the first that can run here when None.
        notify: told in a line when there is none.
        engine_options: options of the engine's own.
        num_envs: N.
        steps: T.
        seed: of courses and draws.
    """
    more: dict[str, Any] = dict(engine_options or {})
    try:
        identity, simulator = choose_engine(engine)
    except ParkourError as error:
        if engine is not None:
            raise
        notify(f"not compared on recorded inputs: {error.message}")
        return None
    check_engine_options(identity, simulator, more)
    torch.manual_seed(seed)
    env = make_task_env(simulator, task, num_envs=num_envs, device="cpu", seed=seed, options=more)
    try:
        rows: list[Tensor] = []
        obs = env.get_observations()
        with torch.inference_mode():
            for _ in range(steps):
                rows.append(torch.cat([obs[key].flatten(1) for key in task.observations], dim=-1).clone())
                obs, _, dones, _ = env.step(policy(obs))
                policy.reset(dones)
    finally:
        env.close()
    return torch.stack(rows).float().numpy()
