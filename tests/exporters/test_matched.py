"""The numpy robot of sim2sim against the batched engine, in the same states on the same courses."""

from __future__ import annotations

from dataclasses import dataclass
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


@pytest.fixture(scope="module")
def recording(exports: dict[str, ExportResult]) -> Recording:
    from parkour_deploy.contract import read_contract
    from parkour_mujoco.engine import MujocoEngine
    from parkour_mujoco.sim2sim.courses import Patch, WayPoints
    from parkour_mujoco.sim2sim.observation import SimulatedObserver, Situation
    from parkour_mujoco.sim2sim.world import World

    task = make_task()
    contract = read_contract(exports["teacher"].folder)
    env = MujocoEngine().make_env(task, num_envs=len(TERRAINS), device="cpu", seed=SEED)
    field = build_terrain(task, SEED)
    mdp, sim = env.mdp, env.sim
    patches = [Patch(field, int(index)) for index in mdp.course.patch]
    files, timestep = env.files, task.model.timing.physics_step
    worlds = [World(files, task.robot, patch.boxes, timestep=timestep) for patch in patches]
    observers = [SimulatedObserver(contract) for _ in patches]
    goals = [WayPoints(p.goals, radius=0.2, dwell=0.1, step_dt=task.model.step_dt) for p in patches]
    last_force = [np.zeros(4) for _ in patches]
    yaws = [(0.0, 0.0) for _ in patches]
    rows: dict[str, list[Any]] = {key: [] for key in Recording.__dataclass_fields__}
    draw = torch.Generator().manual_seed(2)
    obs, _ = env.reset()
    # A reset of all environments is one more step of the clock's that the first episode does not see.
    mdp._steps = 0
    read = lambda name, world: getattr(sim.data, name)[world].double().numpy().copy()  # noqa: E731

    def load(world: int) -> Any:
        data = worlds[world].data
        for name in ("qpos", "qvel", "ctrl", "qacc_warmstart"):
            getattr(data, name)[:] = read(name, world)
        return worlds[world].settle()

    for step in range(STEPS):
        row: dict[str, list[Any]] = {key: [] for key in rows}
        for world, patch in enumerate(patches):
            state = load(world)
            perception = step % 5 == 0
            if perception:
                yaws[world] = goals[world].yaws(state.base_pos[:2], state.yaw)
            force = np.linalg.norm(state.foot_force, axis=-1)
            touching = np.maximum(force, last_force[world])
            now = Situation.of(
                state, patch, yaws=yaws[world], command=float(mdp.command.speed[world]),
                action=mdp.action[world].double().numpy(), contact=touching, perception=perception,
            )  # fmt: skip
            row["ours"].append(observers[world].observe(now))
            row["near_border"].append(near_border(state) if perception else rows["near_border"][-1][world])
            row["force"].append(touching)
            row["goals"].append(goals[world].index)
            last_force[world] = force
        row["theirs"] = list(torch.cat([obs[name].flatten(1) for name in task.observations], -1).numpy().copy())
        row["their_goals"] = list(mdp.goals.index.numpy().copy())
        if 12 <= step < 20:
            park_on_goals(env, goals)
        action = 0.8 * torch.randn(len(patches), env.num_actions, generator=draw)
        target = np.array(task.robot.default_joint_pos) + 0.25 * action.double().numpy()
        for world in range(len(patches)):
            load(world)
            row["our_speed"].append(worlds[world].hold(target[world], 4).joint_vel)
            row["our_torque"].append(worlds[world].torque)
        obs, *_ = env.step(action)
        row["their_torque"] = list(env._torque.numpy().copy())
        row["their_speed"] = list(env.accessor.joint_vel().numpy().copy())
        for world in range(len(patches)):
            goals[world].advance(read("qpos", world)[:2])
        for key in rows:
            rows[key].append(np.array(row[key]))
    env.close()
    return Recording(**{key: np.stack(values) for key, values in rows.items()})


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
    return (part < BORDER).any(-1)


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


def test_the_compiled_models_are_alike(exports: dict[str, ExportResult]) -> None:
    from parkour_mujoco.physics import SolverSettings
    from parkour_mujoco.robot_files import load_robot_files
    from parkour_mujoco.sim2sim.world import World
    from parkour_mujoco.warp_sim import simulation_cfg

    task = make_task()
    files = load_robot_files(task.robot_folder, task.robot, task.make_robot_model)
    ours = World(files, task.robot, np.tile([0, 0, 0, 1, 0, 0, 0, 1, 1, 1.0], (3, 1)), timestep=0.005).model
    theirs = ours.__copy__()
    theirs.opt.timestep, theirs.opt.iterations, theirs.opt.tolerance, theirs.opt.impratio = 1.0, 1, 1.0, 9.0
    simulation_cfg(0.005, SolverSettings()).mujoco.apply(theirs)
    for name in ("timestep", "integrator", "solver", "cone", "jacobian", "iterations", "ls_iterations", "tolerance",
                 "ls_tolerance", "ccd_iterations", "impratio", "disableflags", "enableflags"):  # fmt: skip
        assert getattr(ours.opt, name) == getattr(theirs.opt, name), name
    assert np.array_equal(ours.opt.gravity, theirs.opt.gravity)
