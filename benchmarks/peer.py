"""mjlab's own rough-terrain task, measured as ours is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from machine import host_memory

TASK = "Mjlab-Velocity-Rough-Unitree-Go1"
"""mjlab's task that is nearest to ours: a quadruped on rough terrain with a height scan, four physics steps of 5 ms."""
ACTION_SIZE = 0.5
"""Standard deviation of the random actions."""


def peer(device: str, num_envs: int, steps: int, seed: int) -> dict[str, Any]:
    """mjlab's own task, stepped as ours is: random actions, resets and observations, physics alone in turns."""
    import torch

    from parkour.engines.benchmark import device_memory, take_turns
    from parkour.engines.device import stepping_threads
    from parkour_mujoco.launch import choose_renderer, quiet_stdout, quiet_warp

    choose_renderer()
    import mjlab.tasks.velocity.config.go1  # noqa: F401 - registers the task
    from mjlab.envs import ManagerBasedRlEnv
    from mjlab.tasks.registry import load_env_cfg

    quiet_warp(device)
    cfg = load_env_cfg(TASK)
    cfg.scene.num_envs, cfg.seed = num_envs, seed
    stripped = _strip_pictures(cfg.scene.entities["robot"])
    start = time.perf_counter()
    with quiet_stdout():
        env = ManagerBasedRlEnv(cfg, device=device)
        env.reset()
    build = time.perf_counter() - start
    actions = ACTION_SIZE * torch.randn(16, num_envs, env.action_manager.total_action_dim, device=device)

    def full_step(i: int) -> None:
        env.step(actions[i % len(actions)])

    def physics_step(_: int) -> None:
        for _ in range(cfg.decimation):
            env.sim.step()

    with torch.inference_mode(), stepping_threads(device):
        full, physics = take_turns(full_step, physics_step, steps, torch.device(device))
    return {
        "num_envs": num_envs,
        "environment": num_envs * steps / full,
        "physics": num_envs * steps / physics,
        "ratio": physics / full,
        "environment_ms": 1e3 * full / steps,
        "physics_ms": 1e3 * physics / steps,
        "build_s": build,
        "memory_gib": device_memory(torch.device(device)),
        "decimation": cfg.decimation,
        "physics_step": cfg.sim.mujoco.timestep,
        "visual_meshes": not stripped,
        **host_memory(),
    }


def _strip_pictures(robot: Any) -> bool:
    """Leave out meshes that are only looked at, where their files are not installed."""
    make = robot.spec_fn
    spec = make()
    folder = Path(spec.modelfiledir) / spec.meshdir
    if all((folder / mesh.file).exists() for mesh in spec.meshes):
        return False

    def without() -> Any:
        import mujoco

        spec = make()
        for geom in list(spec.geoms):
            if geom.type == mujoco.mjtGeom.mjGEOM_MESH:  # pyright: ignore[reportAttributeAccessIssue]
                spec.delete(geom)
        for mesh in list(spec.meshes):
            spec.delete(mesh)
        return spec

    robot.spec_fn = without
    return True
