"""The student in sim2sim against the batched engine: in the same states it sees and does the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from parkour.exporters.exporter import ExportResult

pytestmark = pytest.mark.mujoco

TERRAINS = ("gap", "hurdle", "step", "demo")
STEPS = 21


@dataclass
class Recording:
    """Both sides' observations ``[T, N, size]`` and actions ``[T, N, J]``."""

    ours: np.ndarray
    theirs: np.ndarray
    our_actions: np.ndarray
    their_actions: np.ndarray


@pytest.fixture(scope="module")
def recording(exports: dict[str, ExportResult]) -> Recording:
    """Robots of the engine that stumble along; at each step ours are put where they are, and look and think."""
    from parkour_deploy.contract import read_contract
    from parkour_deploy.policy import GraphPolicy
    from parkour_mujoco.engine import MujocoEngine
    from parkour_mujoco.sim2sim.batched import _task
    from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, WayPoints, build_courses
    from parkour_mujoco.sim2sim.episode import Conditions, Runner
    from parkour_mujoco.sim2sim.observation import Situation
    from parkour_mujoco.sim2sim.run import _robot_files

    folder, manifest = exports["student"].folder, exports["student"].manifest
    contract = read_contract(folder)
    plan = CoursePlan(TERRAINS, (0.6, 0.6), 1, 4)
    request = {
        "folder": str(folder), "terrains": TERRAINS, "difficulty": plan.difficulty, "episodes": 1, "seed": plan.seed,
        "speed": 0.8, "seconds": 30.0, "friction": 1.0, "noise": None,
    }  # fmt: skip
    task = _task(folder, request)
    env = MujocoEngine().make_env(task, num_envs=len(TERRAINS), device="cpu", seed=plan.seed)
    mdp = env.mdp
    field = build_courses(manifest, plan)
    patches = [Patch(field, index) for index in range(len(TERRAINS))]
    batched = GraphPolicy(contract, batch=len(TERRAINS))
    conditions = Conditions(request["speed"], request["seconds"], request["friction"])
    runners = [Runner(manifest, contract, _robot_files(manifest), GraphPolicy(contract), conditions) for _ in patches]
    worlds = [runner.world(patch) for runner, patch in zip(runners, patches, strict=True)]
    goals = [
        WayPoints(p.goals, radius=manifest.goals.radius, dwell=manifest.goals.dwell, step_dt=task.model.step_dt)
        for p in patches
    ]
    obs, _ = env.reset()
    # A reset of all environments is one more step of the clock's that the first episode does not see.
    mdp._steps = 0
    yaws = [(0.0, 0.0)] * len(patches)
    rows: dict[str, list[Any]] = {key: [] for key in Recording.__dataclass_fields__}
    for runner, patch in zip(runners, patches, strict=True):
        runner.begin(patch)
    for step in range(STEPS):
        theirs = torch.cat([obs[group.name].flatten(1) for group in manifest.observation.groups], -1).numpy().copy()
        action = batched(theirs)
        ours, acted = [], []
        for index, (world, patch) in enumerate(zip(worlds, patches, strict=True)):
            for name in ("qpos", "qvel"):
                getattr(world.data, name)[:] = getattr(env.sim.data, name)[index].double().numpy()
            state = world.settle()
            perception = step % manifest.timing.perception_period == 0
            if perception:
                yaws[index] = goals[index].yaws(state.base_pos[:2], state.yaw)
            assert mdp.context is not None
            felt = mdp.context.contacts
            force = torch.maximum(felt.foot_force[index].norm(dim=-1), felt.previous_foot_force[index].norm(dim=-1))
            now = Situation.of(
                state, patch, yaws=yaws[index], command=request["speed"], action=mdp.action[index].double().numpy(),
                contact=force.numpy(), perception=perception,
                depth=runners[index].picture(world) if perception else None,
            )  # fmt: skip
            ours.append(runners[index].observer.observe(now))
            acted.append(runners[index].policy(ours[-1][None])[0])
        for key, row in zip(rows, (ours, theirs, acted, action), strict=True):
            rows[key].append(np.array(row))
        obs, *_ = env.step(torch.from_numpy(np.clip(action, -2.0, 2.0)))
        for index, way in enumerate(goals):
            way.advance(env.sim.data.qpos[index, :2].double().numpy())
    env.close()
    return Recording(**{key: np.stack(values) for key, values in rows.items()})


def test_every_field_equals_the_batched_engines(recording: Recording, exports: dict[str, ExportResult]) -> None:
    for group in exports["student"].manifest.observation.groups:
        if group.name == "privileged_latent":  # no policy reads it outside training
            continue
        span = slice(group.offset, group.offset + group.size)
        error = np.abs(recording.ours[..., span] - recording.theirs[..., span])
        if group.name == "depth":
            # Rounding decides which of two surfaces a ray at an edge meets.
            assert (error > 1e-3).mean() < 0.005 and error.mean() < 1e-3
        elif group.name == "height_scan":
            assert (error > 1e-5).mean() < 0.01
        else:
            assert error.max() < 1e-5, group.name


def test_the_actions_are_the_same(recording: Recording) -> None:
    error = np.abs(recording.our_actions - recording.their_actions)
    assert np.abs(recording.their_actions).max() > 0.5
    assert np.median(error) < 1e-3
    assert error.max() < 0.05


def test_there_was_something_to_see(recording: Recording, exports: dict[str, ExportResult]) -> None:
    depth = next(group for group in exports["student"].manifest.observation.groups if group.name == "depth")
    seen = recording.theirs[..., depth.offset : depth.offset + depth.size]
    assert np.ptp(seen, axis=-1).max(axis=0).min() > 0.3
    # The robots move. Images are one frame late, so that the second one shows what the first one did.
    assert np.abs(np.diff(seen, axis=0)).max(axis=(1, 2)).astype(bool).sum() == (STEPS - 1) // 5 - 1
