"""The physics step on MuJoCo Warp against its own: the same contacts and forces; and room that is too small."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from parkour.engines.task_env import OVERFLOWS
from parkour.tasks import load_task
from parkour_cli.changes import read_changes

pytestmark = pytest.mark.mujoco
mujoco = pytest.importorskip("mujoco")

WORLDS = 16
OWN_PARTS = ("physics.broad_phase=near", "physics.contact_forces=constraints", "physics.motors=kernel")
STOCK = ("physics.broad_phase=all", "physics.contact_forces=sensors", "physics.motors=torch", "physics.solver=batched")
STEPS = 40


def make(*sets: str, num_envs: int = WORLDS) -> Any:
    from parkour_mujoco.engine import MujocoEngine

    changes = read_changes(("course.levels=3", "course.columns=6", "algorithm.steps_per_env=5", *OWN_PARTS, *sets))
    return MujocoEngine().make_env(
        load_task("go2-teacher", changes=changes), num_envs=num_envs, device="cpu", seed=2, cpu_sim="warp"
    )


@dataclass
class Compared:
    """After the same physics step, ours and MuJoCo Warp's: state, what sensors read, and contacts as sorted rows."""

    state: tuple[np.ndarray, np.ndarray]
    sensed: tuple[np.ndarray, np.ndarray]
    contacts: tuple[np.ndarray, np.ndarray]
    """``[C, 7]``: world, two geoms, rounded position [mm] and depth [mm]."""
    pairs: tuple[int, int]


@pytest.fixture(scope="module")
def env() -> Any:
    # No end of an episode: robots fall, lie about and are thrown.
    ends = ("bad_orientation", "base_too_low")
    made = make(*(f"terminations.{name}.enabled=false" for name in ends), "events.push.interval=0.2")
    yield made
    made.close()


@pytest.fixture(scope="module")
def compared(env: Any) -> list[Compared]:
    import mujoco_warp

    from parkour_mujoco.warp_physics.step import PhysicsStep

    model, data = env.sim._sim.wp_model, env.sim._sim.wp_data
    # With MuJoCo Warp's solver, so that what comes of the parts is compared to the last digit; see test_solver.py.
    ours = PhysicsStep(env.sim.mj_model, "cpu", fused_solver=False)
    assert ours.near is not None and ours.sensing is not None
    names = ("qpos", "qvel", "qacc_warmstart")
    draw = torch.Generator().manual_seed(0)
    rows = []
    # Half of them lie on a side: capsules along the ground have two contacts.
    env.sim.data.qpos[::2, 3:7] = torch.tensor([0.5**0.5, 0.5**0.5, 0.0, 0.0])
    effort = torch.arange(WORLDS)[:, None].remainder(4) / 2.0
    for _ in range(STEPS):
        env.step(effort * torch.randn(WORLDS, 12, generator=draw))
        before = [getattr(data, name).numpy().copy() for name in names]
        results = []
        for step in (ours.step, mujoco_warp.step):
            for name, values in zip(names, before, strict=True):
                getattr(data, name).numpy()[:] = values
            step(model, data)
            state = np.concatenate([data.qpos.numpy(), data.qvel.numpy()], axis=1)
            pairs = int(data.ncollision.numpy()[0])
            results.append((state, data.sensordata.numpy().copy(), contacts_of(data), pairs))
        mine, theirs = results
        rows.append(Compared(*((a, b) for a, b in zip(mine, theirs, strict=True))))  # pyright: ignore[reportArgumentType]
    return rows


def contacts_of(data: Any) -> np.ndarray:
    count = int(data.nacon.numpy()[0])
    contact = data.contact
    columns = [contact.worldid.numpy()[:count, None], contact.geom.numpy()[:count]]
    millimetres = [1e3 * contact.pos.numpy()[:count], 1e3 * contact.dist.numpy()[:count, None]]
    found = np.concatenate([*columns, *(np.round(values, 2) for values in millimetres)], axis=1)
    return found[np.lexsort(found.T[::-1])]


def test_contacts_are_the_same_from_fewer_pairs(compared: list[Compared]) -> None:
    for each in compared:
        mine, theirs = each.contacts
        np.testing.assert_allclose(mine, theirs, atol=0.02)
    assert sum(len(each.contacts[0]) for each in compared) > 10 * STEPS
    mine, theirs = np.array([each.pairs for each in compared]).sum(axis=0)
    assert mine < 0.9 * theirs


def test_forces_are_those_of_the_sensors(compared: list[Compared]) -> None:
    loads = []
    for each in compared:
        mine, theirs = each.sensed
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-3)
        loads.append(np.abs(theirs).max())
    assert max(loads) > 100.0


def test_shapes_with_several_contacts_were_among_them(compared: list[Compared]) -> None:
    rows = np.concatenate([each.contacts[0][:, :2] + [1000 * i, 0] for i, each in enumerate(compared)])
    _, counts = np.unique(rows, axis=0, return_counts=True)
    assert (counts > 1).sum() > 10


def test_states_are_the_same(compared: list[Compared]) -> None:
    for each in compared:
        np.testing.assert_allclose(*each.state, rtol=1e-5, atol=1e-5)


def test_nothing_of_the_robot_is_out_of_reach(env: Any) -> None:
    from parkour_mujoco.warp_physics.broad_phase import NearPairs

    model, near = env.sim.mj_model, env.sim._sim._physics.near
    assert NearPairs.obstacle(model) is None
    data = mujoco.MjData(model)
    draw = np.random.default_rng(0)
    base = model.body("robot/base_link").id
    shapes = [i for i in range(model.ngeom) if model.geom(i).name.startswith("robot/")]
    furthest = 0.0
    for _ in range(500):
        data.qpos[7:] = draw.uniform(-3.0, 3.0, model.nq - 7)  # beyond the joints' limits, too
        mujoco.mj_kinematics(model, data)
        far = np.linalg.norm(data.geom_xpos[shapes] - data.xpos[base], axis=1) + model.geom_rbound[shapes]
        furthest = max(furthest, float(far.max()))
    assert 0.6 < furthest <= near._reach < 0.8


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda spec: setattr(spec.geom("robot/FL_hip_0_collision"), "conaffinity", 1), "shapes touch one another"),
        (
            lambda spec: setattr(spec.geom("robot/FL_thigh_0_collision"), "type", mujoco.mjtGeom.mjGEOM_CYLINDER),
            "a cylinder",
        ),
        (lambda spec: setattr(spec.joint("robot/FL_hip_joint"), "type", mujoco.mjtJoint.mjJNT_SLIDE), "a slide"),
        (lambda spec: setattr(spec.geom("course/box_0"), "type", mujoco.mjtGeom.mjGEOM_SPHERE), "a round course"),
    ],
)
def test_other_robots_and_courses_are_left_to_mujoco_warp(env: Any, change: Any, why: str) -> None:
    from parkour_mujoco.scene import compile_scene
    from parkour_mujoco.warp_physics.step import PhysicsStep

    spec = env.spec.copy()
    change(spec)
    assert PhysicsStep(compile_scene(spec, env.task.robot, 0.005), "cpu").near is None, why


def test_a_broken_robot_takes_no_room(env: Any) -> None:
    env.reset()
    env.sim.data.qpos[3, :3] = float("nan")
    env.sim.step()
    assert int(env.sim._sim.wp_data.ncollision.numpy()[0]) < WORLDS * 10


def test_motors_are_those_in_torch() -> None:
    """Four physics steps of every control step, with gains and strengths of each robot's own, up to the limits."""
    env = make("events.push.enabled=false", num_envs=8)
    draw = torch.Generator().manual_seed(4)
    motors = env.motors
    for numbers in (motors.stiffness, motors.damping, motors.strength):
        numbers.mul_(0.5 + torch.rand(numbers.shape, generator=draw))
    data, seen = env.sim.data, []
    with torch.inference_mode():
        for _ in range(25):
            action = 4.0 * torch.randn(8, 12, generator=draw)
            start = [getattr(data, name).clone() for name in ("qpos", "qvel", "qacc_warmstart")]
            results = []
            for driven in (env.sim, None):
                for name, values in zip(("qpos", "qvel", "qacc_warmstart"), start, strict=True):
                    getattr(data, name)[:] = values
                env._driven = driven
                env._simulate(action)
                results.append((data.qpos.clone(), data.qvel.clone(), env.accessor.joint_torque().clone()))
            for mine, theirs in zip(*results, strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
            seen.append(results[0][2])
    torques = torch.stack(seen).abs()
    assert (torques > 30.0).any() and (torques < 10.0).any()
    env.close()


def test_motors_of_a_broken_robot_give_no_number_either() -> None:
    env = make(num_envs=3)
    torques = []
    for driven in (env._driven, None):
        env._driven = driven
        env.reset(seed=1)
        env.sim.data.qvel[1, 6] = float("nan")
        env.sim.data.qpos[2, 8] = float("inf")
        env._simulate(torch.zeros(3, 12))
        torques.append(env.accessor.joint_torque().clone())
    mine, theirs = torques
    assert theirs[1].isnan().any() and theirs[0].isfinite().all()
    assert torch.equal(mine.isnan(), theirs.isnan())
    env.close()


@pytest.mark.parametrize("parts", [(), STOCK], ids=["our own parts", "MuJoCo Warp's own"])
def test_what_finds_no_room_is_counted_and_told(
    parts: tuple[str, ...], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    env = make("physics.constraints=8", "physics.contacts=2", *parts, num_envs=6)
    logs: list[dict[str, Any]] = []
    for _ in range(30):
        extras = env.step(torch.zeros(6, 12))[3]
        logs += [extras["log"]] if "log" in extras else []
    room = env.sim.room()
    assert room.constraint_room == 8 and room.contact_room == 12
    assert room.constraints > 8 and room.constraint_overflows > 0 and room.contacts > 12 and room.contact_overflows > 0
    assert sum(int(log[OVERFLOWS]) for log in logs) == room.constraint_overflows + room.contact_overflows
    with caplog.at_level(logging.WARNING):
        env.close()
    (line,) = caplog.messages
    assert "raise physics.constraints" in line and "raise physics.contacts" in line
    assert capfd.readouterr().out == ""


def test_what_fits_is_not_told(env: Any) -> None:
    room = env.sim.room()
    assert room.complaint(WORLDS) is None and 8 < room.constraints <= room.constraint_room


@pytest.mark.parametrize(
    ("setting", "part"),
    [("broad_phase=all", "near"), ("contact_forces=sensors", "sensing"), ("solver=batched", "solver")],
)
def test_each_part_can_be_switched_off(setting: str, part: str) -> None:
    env = make(f"physics.{setting}", num_envs=2)
    physics = env.sim._sim._physics
    assert [name for name in ("near", "sensing", "solver") if getattr(physics, name) is None] == [part]
    env.step(torch.zeros(2, 12))
    env.close()


def test_solver_settings_of_the_task_reach_both_simulators() -> None:
    from parkour_mujoco.engine import MujocoEngine

    sets = ("physics.iterations=3", "physics.line_search_iterations=7", "physics.tolerance=1e-5")
    warp = make(*sets, num_envs=1)
    changes = read_changes(("course.levels=3", "course.columns=6", *sets))
    native = MujocoEngine().make_env(load_task("go2-teacher", changes=changes), num_envs=1, device="cpu", seed=2)
    for options in (native.sim.mj_model.opt, warp.sim.mj_model.opt):
        assert (options.iterations, options.ls_iterations, options.tolerance) == (3, 7, 1e-5)
    assert warp.sim._sim.wp_model.opt.iterations == 3
    warp.close()
    native.close()


def test_thrown_robots_find_room() -> None:
    """From 1.6 m, turned anyhow, joints at their limits, onto every terrain; then shaken, and never reset."""
    ends = [f"terminations.{name}.enabled=false" for name in ("bad_orientation", "base_too_low")]
    env = make("course.curriculum=false", "course.start_levels=[0,2]", *ends, num_envs=64)
    draw = torch.Generator().manual_seed(1)
    limits = torch.tensor(env.sim.mj_model.jnt_range[1:], dtype=torch.float32)
    data = env.sim.data
    turned = torch.randn(64, 4, generator=draw)
    data.qpos[:, 0] = 2.5 + 8.0 * torch.rand(64, generator=draw)
    data.qpos[:, 2] = 1.6
    data.qpos[:, 3:7] = turned / turned.norm(dim=1, keepdim=True)
    ends_of_range = torch.randint(0, 2, (64, 12), generator=draw)
    data.qpos[:, 7:] = limits[:, 0] + (limits[:, 1] - limits[:, 0]) * ends_of_range
    for _ in range(60):
        env.step(2.0 * torch.randn(64, 12, generator=draw))
    room = env.sim.room()
    env.close()
    assert room.constraints > 40 and room.complaint(64) is None
