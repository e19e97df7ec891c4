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


def every_terrain() -> Any:
    """The teacher's task on all of them, level below level, with nobody pushed."""
    names = builtin_terrains()
    known = load_task("go2-teacher").model.terrains
    numbers = [
        *(f"terrains.{name}.share=1" for name in names if name in known),
        f"course.levels={LEVELS}", f"course.columns={len(names)}", "course.curriculum=false",
        "events.push.enabled=false",
    ]  # fmt: skip
    added = {f"terrain:{name}": 1.0 for name in names if name not in known}
    return load_task("go2-teacher", changes=added | read_changes(numbers))


def seen(mdp: Any) -> dict[str, Tensor]:
    """A control step, as :class:`Standing` has it."""
    robot, contacts = mdp.context.robot, mdp.context.contacts
    return {
        "base_pos": robot.base_pos.clone(),
        "lean": torch.maximum(robot.roll.abs(), robot.pitch.abs()),
        "clearance": robot.feet_pos[..., 2] - FOOT_RADIUS - mdp.course.height(robot.feet_pos[..., :2]),
        "foot_force": contacts.foot_force.clone(),
        "body_force": contacts.body_force.clone(),
        "joint_error": (robot.joint_pos - mdp.default_joint_pos).clone(),
        "broken": mdp.broken.clone(),
    }


@pytest.fixture(scope="module")
def standing() -> Standing:
    from parkour_mujoco.engine import MujocoEngine

    task = every_terrain()
    terrains = len(builtin_terrains())
    env = MujocoEngine().make_env(task, num_envs=LEVELS * terrains, device="cpu", seed=3)
    mdp, everyone = env.mdp, torch.arange(LEVELS * terrains)
    mdp.course.set_levels(everyone, everyone // terrains)
    env.reset()
    log: list[dict[str, Tensor]] = []
    observations: Any = {}
    for _ in range(round(SECONDS / task.model.step_dt)):
        observations, _, done, _ = env.step(torch.zeros(env.num_envs, env.num_actions))
        log.append(seen(mdp) | {"done": done.bool()})
    result = Standing(
        terrains=mdp.course.library.names,
        terrain=mdp.course.terrain.clone(),
        level=mdp.course.level.clone(),
        mass=15.206408 + mdp.privileged.added_mass[:, 0],
        observations=dict(observations.items()),
        **{key: torch.stack([step[key] for step in log]) for key in log[0]},
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
