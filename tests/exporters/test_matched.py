"""The numpy robot of sim2sim against the batched engine, in the same states on the same courses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from parkour.exporters.exporter import ExportResult
from parkour.tasks import load_task
from parkour.tasks.build import build_terrain
from parkour_cli.changes import read_changes

pytestmark = pytest.mark.mujoco

TERRAINS = ("gap", "hurdle", "step", "tilt", "flat")
STEPS = 36
SEED = 5
BORDER = 1e-4
"""Points of the scan this near to a border of two cells may be read from either [m]."""


@dataclass
class Recording:
    """Both sides' observations ``[T, N, 753]``, forces ``[T, N, F]`` and torques ``[T, N, J]``."""

    theirs: np.ndarray
    ours: np.ndarray
    near_border: np.ndarray
    """``[T, N, 132]`` bool."""
    force: np.ndarray
    their_torque: np.ndarray
    our_torque: np.ndarray
    our_speed: np.ndarray
    their_speed: np.ndarray
    goals: np.ndarray
    """``[T, N]`` index of the way point."""
    their_goals: np.ndarray


def make_task() -> Any:
    off = ("friction", "added_mass", "com_offset", "push")
    ends = ("bad_orientation", "base_too_low", "course_completed")
    return load_task(
        "go2-teacher",
        changes=read_changes([
            *(f"terrains.{name}.share={int(name in TERRAINS)}" for name in (*TERRAINS, "demo")),
            "course.levels=1", f"course.columns={len(TERRAINS)}", "course.difficulty=random",
            "course.difficulty_range=[0.5, 1.0]",
            *(f"events.{name}.enabled=false" for name in off),
            *(f"terminations.{name}.enabled=false" for name in ends),
        ]),
    )  # fmt: skip


class Ours:
    """A robot of sim2sim in each world of an environment: put where the batched robots are, it looks and moves."""

    def __init__(self, env: Any, task: Any, folder: Path) -> None:
        from parkour_deploy.contract import read_contract
        from parkour_mujoco.physics import SolverSettings
        from parkour_mujoco.sim2sim.courses import Patch, WayPoints
        from parkour_mujoco.sim2sim.observation import SimulatedObserver
        from parkour_mujoco.sim2sim.world import World

        contract, field, timestep = read_contract(folder), build_terrain(task, SEED), task.model.timing.physics_step
        self._env, self._default = env, np.array(task.robot.default_joint_pos)
        self.patches = [Patch(field, int(index)) for index in env.mdp.course.patch]
        solver = SolverSettings.of(task.model.physics)
        self._worlds = [
            World(env.files, task.robot, patch.boxes, timestep=timestep, solver=solver) for patch in self.patches
        ]
        self._observers = [SimulatedObserver(contract) for _ in self.patches]
        step_dt = task.model.step_dt
        self.goals = [WayPoints(patch.goals, radius=0.2, dwell=0.1, step_dt=step_dt) for patch in self.patches]
        self._last_force = [np.zeros(4) for _ in self.patches]
        self._yaws = [(0.0, 0.0) for _ in self.patches]
        self._near_border = [np.zeros(0) for _ in self.patches]

    def look(self, step: int) -> dict[str, list[Any]]:
        """What each robot observes before a control step."""
        from parkour_mujoco.sim2sim.observation import Situation

        row: dict[str, list[Any]] = {key: [] for key in ("ours", "near_border", "force", "goals")}
        perception, mdp = step % 5 == 0, self._env.mdp
        for world, patch in enumerate(self.patches):
            state = self._load(world)
            if perception:
                self._yaws[world] = self.goals[world].yaws(state.base_pos[:2], state.yaw)
                self._near_border[world] = near_border(state)
            force = np.linalg.norm(state.foot_force, axis=-1)
            touching = np.maximum(force, self._last_force[world])
            now = Situation.of(
                state, patch, yaws=self._yaws[world], command=float(mdp.command.speed[world]),
                action=mdp.action[world].double().numpy(), contact=touching, perception=perception,
            )  # fmt: skip
            row["ours"].append(self._observers[world].observe(now))
            row["near_border"].append(self._near_border[world])
            row["force"].append(touching)
            row["goals"].append(self.goals[world].index)
            self._last_force[world] = force
        return row

    def move(self, action: torch.Tensor) -> dict[str, list[Any]]:
        """Speeds and torques after a control step of their own."""
        target = self._default + 0.25 * action.double().numpy()
        row: dict[str, list[Any]] = {"our_speed": [], "our_torque": []}
        for index, world in enumerate(self._worlds):
            self._load(index)
            row["our_speed"].append(world.hold(target[index], 4).joint_vel)
            row["our_torque"].append(world.torque)
        return row

    def advance(self) -> None:
        """Their way points, from where the batched robots are now."""
        for world, goals in enumerate(self.goals):
            goals.advance(self._read("qpos", world)[:2])

    def _load(self, world: int) -> Any:
        data = self._worlds[world].data
        for name in ("qpos", "qvel", "ctrl", "qacc_warmstart"):
            getattr(data, name)[:] = self._read(name, world)
        return self._worlds[world].settle()

    def _read(self, name: str, world: int) -> np.ndarray:
        return getattr(self._env.sim.data, name)[world].double().numpy().copy()


@pytest.fixture(scope="module")
def recording(exports: dict[str, ExportResult]) -> Recording:
    from parkour_mujoco.engine import MujocoEngine

    task = make_task()
    env = MujocoEngine().make_env(task, num_envs=len(TERRAINS), device="cpu", seed=SEED)
    ours, mdp = Ours(env, task, exports["teacher"].folder), env.mdp
    rows: list[dict[str, list[Any]]] = []
    draw = torch.Generator().manual_seed(2)
    obs, _ = env.reset()
    # A reset of all environments is one more step of the clock's that the first episode does not see.
    mdp._steps = 0
    for step in range(STEPS):
        row = ours.look(step)
        row["theirs"] = list(torch.cat([obs[name].flatten(1) for name in task.observations], -1).numpy().copy())
        row["their_goals"] = list(mdp.goals.index.numpy().copy())
        if 12 <= step < 20:
            park_on_goals(env, ours.goals)
        action = 0.8 * torch.randn(len(ours.patches), env.num_actions, generator=draw)
        row |= ours.move(action)
        obs, *_ = env.step(action)
        row["their_torque"] = list(env.accessor.joint_torque().numpy().copy())
        row["their_speed"] = list(env.accessor.joint_vel().numpy().copy())
        ours.advance()
        rows.append(row)
    env.close()
    return Recording(**{key: np.stack([np.array(row[key]) for row in rows]) for key in Recording.__dataclass_fields__})


def park_on_goals(env: Any, ways: list[Any]) -> None:
    """Every robot is held at its way point, from where it sees the first obstacle; the first one reaches it."""
    places = [[*way.goals[way.index], 0.35] for way in ways]
    pos = torch.tensor(places).float() + torch.tensor([0.31, 0.0, 0.0])
    pos[0, 0] -= 0.26
    everyone = torch.arange(len(ways))
    env.sim_handle.set_base_state(everyone, pos, torch.full((len(ways),), 0.1))


def near_border(state: Any) -> np.ndarray:
    """Points of the scan at which rounding decides between two cells of the raster."""
    x, y = np.meshgrid(np.arange(12) * 0.15 - 0.45, np.arange(11) * 0.15 - 0.75)
    cos, sin = np.cos(state.yaw), np.sin(state.yaw)
    places = np.stack([cos * x - sin * y + state.base_pos[0], sin * x + cos * y + state.base_pos[1]], -1).reshape(-1, 2)
    part = np.abs((places / 0.05 + 0.5) % 1.0 - 0.5) * 0.05
    return np.asarray((part < BORDER).any(-1))


def test_every_field_equals_the_batched_engines(recording: Recording, exports: dict[str, ExportResult]) -> None:
    for group in exports["teacher"].manifest.observation.groups:
        if group.name == "privileged_latent":
            continue
        for field in group.fields:
            span = slice(field.offset, field.offset + field.size)
            error = np.abs(recording.ours[..., span] - recording.theirs[..., span])
            if group.name == "height_scan":
                error = np.where(recording.near_border, 0.0, error)
            if field.name == "foot_contact":
                # Forces are those at the end of four physics steps, in which rounding may move a touch by one.
                assert error[0].max() == 0.0 and (error > 0.5).mean() < 0.01
                continue
            if group.name == "proprioception_history":
                error = error[..., :-4]
            assert error.max() < 1e-5, field.name


def test_the_states_were_worth_comparing(recording: Recording) -> None:
    theirs = recording.theirs
    scan = theirs[..., 53:185]
    assert recording.near_border.mean() < 0.2
    assert (np.ptp(scan, axis=-1).max(axis=0) > 0.1).sum() >= 3
    assert set(np.unique(theirs[..., 49:53])) == {-0.5, 0.5}
    assert np.abs(theirs[..., 3:5]).max() > 0.1
    # The first robot has moved on to its next way point.
    assert recording.their_goals[-1, 0] >= 1
    assert np.array_equal(recording.goals, recording.their_goals)


def test_torques_and_speeds_after_a_control_step(recording: Recording) -> None:
    torque = np.abs(recording.our_torque - recording.their_torque)
    assert np.median(torque) < 1e-4
    assert np.quantile(torque, 0.95) < 0.05
    # Where a foot hits an edge, rounding decides a little earlier or later.
    assert np.quantile(torque, 0.99) < 2.0
    assert np.abs(recording.their_torque).max() > 10.0
    assert np.median(np.abs(recording.our_speed - recording.their_speed)) < 1e-4


def test_motors_on_their_own() -> None:
    from parkour_mujoco.motors import DcMotors
    from parkour_mujoco.sim2sim.motors import Motors

    robot = load_task("go2-teacher").robot
    rng = np.random.default_rng(0)
    target, pos = rng.uniform(-3, 3, (2, 500, 12))
    vel = rng.uniform(-90, 90, (500, 12))
    batched = DcMotors(robot, 500, "cpu").torque(*(torch.tensor(value).float() for value in (target, pos, vel)))
    ours = np.stack([Motors(robot).torque(*row) for row in zip(target, pos, vel, strict=True)])
    assert np.abs(ours - batched.numpy()).max() < 1e-4


@pytest.mark.parametrize("solver", [{}, {"iterations": 3, "ls_iterations": 7, "tolerance": 1e-5}])
def test_the_compiled_models_are_alike(solver: dict[str, Any]) -> None:
    from parkour_mujoco.physics import SolverSettings
    from parkour_mujoco.robot_files import load_robot_files
    from parkour_mujoco.sim2sim.world import World
    from parkour_mujoco.warp_sim import simulation_cfg

    task = make_task()
    files = load_robot_files(task.robot_folder, task.robot, task.make_robot_model)
    settings, boxes = SolverSettings(**solver), np.tile([0, 0, 0, 1, 0, 0, 0, 1, 1, 1.0], (3, 1))
    ours = World(files, task.robot, boxes, timestep=0.005, solver=settings).model
    theirs = ours.__copy__()
    theirs.opt.timestep, theirs.opt.iterations, theirs.opt.tolerance, theirs.opt.impratio = 1.0, 1, 1.0, 9.0
    simulation_cfg(0.005, settings).mujoco.apply(theirs)
    for name in ("timestep", "integrator", "solver", "cone", "jacobian", "iterations", "ls_iterations", "tolerance",
                 "ls_tolerance", "ccd_iterations", "impratio", "disableflags", "enableflags"):  # fmt: skip
        assert getattr(ours.opt, name) == getattr(theirs.opt, name), name
    assert np.array_equal(ours.opt.gravity, theirs.opt.gravity)
