"""What happened in a rollout, step by step, and the metrics computed from it slowly: loops and numpy only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.task_mdp import TaskMdp
from parkour.terrain.sub_terrain import PATCH_LENGTH


@dataclass
class Recording:
    """A monitor that copies raw quantities of every step to the host, then lets another one look."""

    mdp: TaskMdp
    then: Any
    steps: list[dict[str, np.ndarray]] = field(default_factory=list)

    def __call__(self, ctx: StepContext, done: Tensor, reward: Tensor) -> None:
        library, course = self.mdp.course.library, self.mdp.course
        seen = {
            "done": done, "reward": reward, "base": ctx.robot.base_pos, "feet": ctx.robot.feet_pos,
            "force": ctx.contacts.foot_force, "force_before": ctx.contacts.previous_foot_force,
            "torque": ctx.robot.joint_torque, "speed": ctx.robot.joint_vel, "goal": self.mdp.goals.index,
            "patch": course.patch, "terms": self.mdp.rewards.step_values, "failed": self.mdp.terminations.failed,
        }  # fmt: skip
        self.steps.append({name: value.cpu().numpy().copy() for name, value in seen.items()})
        self.rasters = library.edge.cpu().numpy(), library.origin, library.cell
        self.then(ctx, done, reward)


def slow_episodes(recording: Recording, episodes: int) -> list[dict[str, Any]]:
    """The first ``episodes`` whole episodes of every environment, one after the other."""
    mdp, found = recording.mdp, []
    for env in range(mdp.num_envs):
        rows: list[dict[str, np.ndarray]] = []
        finished = 0
        for step in recording.steps:
            rows.append({name: value[env] for name, value in step.items()})
            if step["done"][env]:
                if finished < episodes:
                    found.append(_episode(recording, env, rows))
                finished += 1
                rows = []
    return found


def _episode(recording: Recording, env: int, rows: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    library = recording.mdp.course.library
    patch = int(rows[0]["patch"])
    assert all(int(row["patch"]) == patch for row in rows)
    count, last = int(library.goal_count[patch]), rows[-1]
    edges = [_feet_on_edges(recording, patch, row) for row in rows]
    before = int(rows[-2]["goal"]) if len(rows) > 1 else 0
    walked = (float(last["base"][0]) - float(library.spawn[patch, 0])) / PATCH_LENGTH
    return {
        "environment": env,
        "terrain": library.names[int(library.terrain[patch])],
        "difficulty": float(library.difficulty[patch]),
        "steps": len(rows),
        "edges": edges,
        "edge": sum(edges),
        "return": sum(float(row["reward"]) for row in rows),
        "power": sum(sum(abs(t * w) for t, w in zip(row["torque"], row["speed"], strict=True)) for row in rows)
        / len(rows),
        "goals": int(last["goal"]),
        "way_points": int(last["goal"]) / count,
        "way_points_before": before / (count - 1),
        "success": int(last["goal"]) == count,
        "fall": bool(last["failed"]) and int(last["goal"]) < count,
        "displacement": min(max(walked, 0.0), 1.0),
        "terms": sum(row["terms"].astype(float) for row in rows),
    }


def _feet_on_edges(recording: Recording, patch: int, row: dict[str, np.ndarray]) -> int:
    edge, (x0, y0), cell = recording.rasters
    count = 0
    for foot, now, before in zip(row["feet"], row["force"], row["force_before"], strict=True):
        touches = np.linalg.norm(now) > 2.0 or np.linalg.norm(before) > 2.0
        i = int(np.clip(int(np.float32(foot[0] - np.float32(x0)) / np.float32(cell)), 0, edge.shape[1] - 1))
        j = int(np.clip(int(np.float32(foot[1] - np.float32(y0)) / np.float32(cell)), 0, edge.shape[2] - 1))
        count += bool(touches and edge[patch, i, j])
    return count
