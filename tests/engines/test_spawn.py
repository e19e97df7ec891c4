"""Robots at the start of every built-in terrain stand still: no fall, no NaN, no sinking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from parkour.registry import default_registry
from parkour.tasks.resolve import load_task
from parkour_cli.changes import read_changes

pytestmark = pytest.mark.mujoco

LEVELS = 3
SECONDS = 2.0
FOOT_RADIUS = 0.022
GRAVITY = 9.81


@dataclass
class Standing:
    """``T`` control steps of ``N`` robots with zero actions."""

    terrains: tuple[str, ...]
    terrain: Tensor
    """``[N]``"""
    level: Tensor
    """``[N]``"""
    base_pos: Tensor
    """``[T, N, 3]``"""
    lean: Tensor
    """``[T, N]`` greater of roll and pitch, unsigned."""
    clearance: Tensor
    """``[T, N, 4]`` from the lowest point of each foot down to the ground."""
    foot_force: Tensor
    """``[T, N, 4, 3]``"""
    body_force: Tensor
    """``[T, N, B, 3]``"""
    done: Tensor
    """``[T, N]`` bool"""
    broken: Tensor
    """``[T, N]`` bool"""
    mass: Tensor
    """``[N]``"""
    joint_error: Tensor
    """``[T, N, 12]`` from the default pose."""
    observations: dict[str, Tensor]


def builtin_terrains() -> list[str]:
    return [item.spec.name for item in default_registry().specs("terrain") if item.builtin]


@pytest.fixture(scope="module")
def standing() -> Standing:
    from parkour_mujoco.engine import MujocoEngine

    names = builtin_terrains()
    known = load_task("go2-teacher").model.terrains
    task = load_task(
        "go2-teacher",
        changes={f"terrain:{name}": 1.0 for name in names if name not in known}
        | read_changes(
            [
                *(f"terrains.{name}.share=1" for name in names if name in known),
                f"course.levels={LEVELS}",
                f"course.columns={len(names)}",
                "course.curriculum=false",
                "events.push.enabled=false",
            ]
        ),
    )
    num_envs = LEVELS * len(names)
    env = MujocoEngine().make_env(task, num_envs=num_envs, device="cpu", seed=3)
    mdp = env.mdp
    everyone = torch.arange(num_envs)
    mdp.course.set_levels(everyone, everyone // len(names))
    env.reset()
    keys = ("pos", "lean", "gap", "feet", "bodies", "done", "broken", "joints")
    log: dict[str, list[Any]] = {key: [] for key in keys}
    observations: Any = {}
    for _ in range(round(SECONDS / task.model.step_dt)):
        observations, _, done, _ = env.step(torch.zeros(num_envs, env.num_actions))
        assert mdp.context is not None
        robot, contacts = mdp.context.robot, mdp.context.contacts
        log["pos"].append(robot.base_pos.clone())
        log["lean"].append(torch.maximum(robot.roll.abs(), robot.pitch.abs()))
        log["gap"].append(robot.feet_pos[..., 2] - FOOT_RADIUS - mdp.course.height(robot.feet_pos[..., :2]))
        log["feet"].append(contacts.foot_force.clone())
        log["bodies"].append(contacts.body_force.clone())
        log["joints"].append((robot.joint_pos - mdp.default_joint_pos).clone())
        log["done"].append(done.bool())
        log["broken"].append(mdp.broken.clone())
    traces = {key: torch.stack(values) for key, values in log.items()}
    result = Standing(
        terrains=mdp.course.library.names,
        terrain=mdp.course.terrain.clone(),
        level=mdp.course.level.clone(),
        base_pos=traces["pos"],
        lean=traces["lean"],
        clearance=traces["gap"],
        foot_force=traces["feet"],
        body_force=traces["bodies"],
        done=traces["done"],
        broken=traces["broken"],
        mass=15.206408 + mdp.privileged.added_mass[:, 0],
        joint_error=traces["joints"],
        observations=dict(observations.items()),
    )
    env.close()
    return result


def test_every_builtin_terrain_at_every_level_is_there(standing: Standing) -> None:
    pairs = zip(standing.terrain.tolist(), standing.level.tolist(), strict=True)
    places = {(standing.terrains[terrain], level) for terrain, level in pairs}
    assert places == {(name, level) for name in builtin_terrains() for level in range(LEVELS)}


def test_nothing_is_nan(standing: Standing) -> None:
    assert not standing.broken.any()
    for name in ("base_pos", "clearance", "foot_force", "body_force", "joint_error"):
        assert torch.isfinite(getattr(standing, name)).all(), name
    for name, group in standing.observations.items():
        assert torch.isfinite(group).all(), name


@pytest.mark.parametrize("terrain", builtin_terrains())
def test_robot_stands(standing: Standing, terrain: str) -> None:
    here = standing.terrain == standing.terrains.index(terrain)
    assert not standing.done[:, here].any()
    height = standing.base_pos[:, here, 2]
    assert height.min() > 0.2
    assert height[-25:].min() > 0.26
    assert height[-25:].max() < 0.34
    assert standing.lean[:, here].max() < 0.2
    drift = standing.base_pos[:, here, :2] - standing.base_pos[:1, here, :2]
    assert torch.linalg.vector_norm(drift, dim=-1).max() < 0.1
    assert standing.joint_error[-25:, here].abs().max() < 0.3


@pytest.mark.parametrize("terrain", builtin_terrains())
def test_feet_rest_on_the_ground(standing: Standing, terrain: str) -> None:
    here = standing.terrain == standing.terrains.index(terrain)
    settled = standing.clearance[-50:, here]
    assert settled.min() > -0.005
    assert settled.max() < 0.002
    # Landing from the drop, too: deeper than this would be a foot inside the ground.
    assert standing.clearance[:, here].min() > -0.015


def test_feet_carry_the_weight_and_nothing_else_touches(standing: Standing) -> None:
    force = standing.foot_force[-25:].mean(0)
    assert (force[..., 2] > 5.0).all()
    torch.testing.assert_close(force[..., 2].sum(-1), standing.mass * GRAVITY, rtol=0.02, atol=0.0)
    assert torch.linalg.vector_norm(standing.body_force, dim=-1).max() == 0.0
