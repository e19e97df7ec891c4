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


class Ours:
    """A robot of sim2sim on each course: put where a batched robot is, it looks and thinks."""

    def __init__(self, export: ExportResult, plan: Any, step_dt: float, request: dict[str, Any]) -> None:
        from parkour_deploy.contract import read_contract
        from parkour_deploy.policy import GraphPolicy
        from parkour_mujoco.sim2sim.courses import Patch, WayPoints, build_courses
        from parkour_mujoco.sim2sim.episode import Conditions, Runner
        from parkour_mujoco.sim2sim.run import _robot_files

        manifest, contract, field = export.manifest, read_contract(export.folder), build_courses(export.manifest, plan)
        conditions = Conditions(request["speed"], request["seconds"], request["friction"])
        self._period, self._speed = manifest.timing.perception_period, request["speed"]
        self._patches = [Patch(field, index) for index in range(len(TERRAINS))]
        self._runners = [
            Runner(manifest, contract, _robot_files(manifest), GraphPolicy(contract), conditions) for _ in self._patches
        ]
        pairs = list(zip(self._runners, self._patches, strict=True))
        self._worlds = [runner.world(patch) for runner, patch in pairs]
        numbers = {"radius": manifest.goals.radius, "dwell": manifest.goals.dwell, "step_dt": step_dt}
        self._goals = [WayPoints(patch.goals, **numbers) for patch in self._patches]
        self._yaws = [(0.0, 0.0)] * len(self._patches)
        for runner, patch in pairs:
            runner.begin(patch)

    def act(self, env: Any, step: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Observations and actions of all, in the batched robots' states."""
        from parkour_mujoco.sim2sim.observation import Situation

        ours, acted, felt = [], [], env.mdp.context.contacts
        perception = step % self._period == 0
        for index, (world, patch) in enumerate(zip(self._worlds, self._patches, strict=True)):
            for name in ("qpos", "qvel"):
                getattr(world.data, name)[:] = getattr(env.sim.data, name)[index].double().numpy()
            state, runner = world.settle(), self._runners[index]
            if perception:
                self._yaws[index] = self._goals[index].yaws(state.base_pos[:2], state.yaw)
            force = torch.maximum(felt.foot_force[index].norm(dim=-1), felt.previous_foot_force[index].norm(dim=-1))
            action = env.mdp.action[index].double().numpy()
            now = Situation.of(
                state, patch, yaws=self._yaws[index], command=self._speed, action=action,
                contact=force.numpy(), perception=perception, depth=runner.picture(world) if perception else None,
            )  # fmt: skip
            ours.append(runner.observer.observe(now))
            acted.append(runner.policy(ours[-1][None])[0])
        return ours, acted

    def advance(self, env: Any) -> None:
        """Their way points, from where the batched robots are now."""
        for index, way in enumerate(self._goals):
            way.advance(env.sim.data.qpos[index, :2].double().numpy())


@pytest.fixture(scope="module")
def recording(exports: dict[str, ExportResult]) -> Recording:
    """Robots of the engine that stumble along; at each step ours are put where they are, and look and think."""
    from parkour_deploy.contract import read_contract
    from parkour_deploy.policy import GraphPolicy
    from parkour_mujoco.engine import MujocoEngine
    from parkour_mujoco.sim2sim.batched import _task
    from parkour_mujoco.sim2sim.courses import CoursePlan

    export = exports["student"]
    plan = CoursePlan(TERRAINS, (0.6, 0.6), 1, 4)
    request = {
        "folder": str(export.folder), "terrains": TERRAINS, "difficulty": plan.difficulty, "episodes": 1,
        "seed": plan.seed, "speed": 0.8, "seconds": 30.0, "friction": 1.0, "noise": None,
    }  # fmt: skip
    task = _task(export.folder, request)
    env = MujocoEngine().make_env(task, num_envs=len(TERRAINS), device="cpu", seed=plan.seed)
    batched = GraphPolicy(read_contract(export.folder), batch=len(TERRAINS))
    ours = Ours(export, plan, task.model.step_dt, request)
    obs, _ = env.reset()
    # A reset of all environments is one more step of the clock's that the first episode does not see.
    env.mdp._steps = 0
    rows: dict[str, list[Any]] = {key: [] for key in Recording.__dataclass_fields__}
    for step in range(STEPS):
        groups = export.manifest.observation.groups
        theirs = torch.cat([obs[group.name].flatten(1) for group in groups], -1).numpy().copy()
        action = batched(theirs)
        seen, acted = ours.act(env, step)
        for key, row in zip(rows, (seen, theirs, acted, action), strict=True):
            rows[key].append(np.array(row))
        obs, *_ = env.step(torch.from_numpy(np.clip(action, -2.0, 2.0)))
        ours.advance(env)
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
