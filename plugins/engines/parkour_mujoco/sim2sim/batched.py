"""The exported policy in the batched engine of training, on the courses of a sim2sim run: a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from parkour.errors import ParkourError


def run(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Episodes as :class:`parkour_mujoco.sim2sim.episode.Runner` has them; see ``run.run_batched`` for the request."""
    import torch

    from parkour.evaluation.episodes import EpisodeRecorder
    from parkour.exporters.manifest_file import read_manifest
    from parkour_deploy.contract import read_contract
    from parkour_deploy.policy import GraphPolicy
    from parkour_mujoco.engine import MujocoEngine

    folder = Path(request["folder"])
    torch.set_num_threads(1)
    task = _task(folder, request)
    columns, levels = len(request["terrains"]), request["episodes"]
    num_envs = columns * levels
    manifest = read_manifest(folder)
    policy = GraphPolicy(read_contract(folder), batch=num_envs)
    # The simulator that policies are trained in; on a CPU the engine's default is C MuJoCo, the same as out there.
    env = MujocoEngine().make_env(task, num_envs=num_envs, device="cpu", seed=request["seed"], cpu_sim="warp")
    mdp = env.mdp
    everyone = torch.arange(num_envs)
    mdp.course.set_levels(everyone, everyone // columns)
    recorder = EpisodeRecorder(mdp, 1)
    mdp.monitor = recorder
    obs, _ = env.reset()
    names = [group.name for group in manifest.observation.groups]
    for _ in range(task.model.max_episode_steps):
        rows = torch.cat([obs[name].flatten(1) for name in names], dim=-1)
        obs, *_ = env.step(torch.from_numpy(policy(rows.numpy().copy())))
        if recorder.complete():
            break
    table = recorder.table()
    env.close()
    return [_episode(table, row, task.model.step_dt) for row in range(len(table))]


def _task(folder: Path, request: dict[str, Any]) -> Any:
    """The export's task on the courses asked for, with nothing drawn at random but them."""
    from parkour.tasks.document import read_resolved
    from parkour.tasks.missing import TRAINING
    from parkour.tasks.resolve import load_model, resolve_task
    from parkour_mujoco.sim2sim.courses import CoursePlan
    from parkour_mujoco.sim2sim.noise import with_noise

    plan = CoursePlan(tuple(request["terrains"]), tuple(request["difficulty"]), request["episodes"], request["seed"])
    document = read_resolved(folder / "task.toml")
    known = load_model(document)
    changes: dict[str, Any] = {f"terrain:{name}": 1 for name in plan.terrains if name not in known.terrains}
    changes |= {f"course.{key}": value for key, value in plan.numbers().items()}
    for name in known.terrains:
        changes[f'terrains."{name}".share'] = float(name in plan.terrains)
        if name in plan.terrains:
            changes[f'terrains."{name}".enabled'] = True
    changes |= {f'events."{name}".enabled': name in _KEPT for name in known.events}
    changes |= {
        "timing.episode_length": request["seconds"],
        "command.speed": [request["speed"], request["speed"]],
        "command.resample": "never",
        "command.deadband": 0.0,
    }
    for name, numbers in _KEPT.items():
        if name in known.events:
            changes |= {f"events.{name}.params.{key}": value for key, value in numbers(request).items()}
    overlay = None if request["noise"] is None else with_noise(document, request["noise"])
    return resolve_task(document, overlay=overlay, changes=changes, spare=TRAINING)


_KEPT: dict[str, Any] = {
    "reset_base": lambda request: {"xy_noise": 0.0, "yaw_noise": 0.0},
    "reset_joints": lambda request: {"scale": (1.0, 1.0)},
    "friction": lambda request: {"range": (request["friction"], request["friction"])},
}
"""Events that set the start, with the numbers that make every start alike."""


def _episode(table: Any, row: int, step_dt: float) -> dict[str, Any]:
    values = {name: float(column[row]) for name, column in table.values.items()}
    steps = max(values["steps"], 1.0)
    return {
        "terrain": table.terrains[int(table.terrain[row])],
        **values,
        "edge_per_step": values["edge"] / steps,
        "edge_per_episode": values["edge"],
        "length": values["steps"] * step_dt,
    }


if __name__ == "__main__":
    try:
        found = run(json.loads(sys.argv[1]))
    except ParkourError as error:
        print(f"error: {error.message}", file=sys.stderr)
        sys.exit(1)
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")
