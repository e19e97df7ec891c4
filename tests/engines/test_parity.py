"""The batched engine's contacts and motion against C MuJoCo models compiled with the same boxes.

Eight worlds walk, or fall about, over eight patches in turn. Every physics step is done again, from the same state and
with the same torques, in a model that has one patch's boxes as ordinary geoms.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
import torch

from parkour.tasks.resolve import load_task
from parkour_cli.changes import read_changes

pytestmark = pytest.mark.mujoco

WORLDS = 8
PATCHES = 8
CONTROL_STEPS = 24
"""Per patch; four physics steps each."""
TOUCHING = 1.0
"""Force from which on something counts as in contact [N]."""
TERRAINS = ("gap", "hurdle", "step", "tilt")


@dataclass
class Record:
    """One physics step of all worlds: before (qpos, qvel, ctrl, warm start) and after (qpos, qvel, sensordata)."""

    patch: np.ndarray
    """``[N]`` patch under each world."""
    before: tuple[np.ndarray, ...]
    after: tuple[np.ndarray, ...]


@dataclass
class Errors:
    """Batched minus C, for ``T`` physics steps of ``N`` worlds."""

    velocity: np.ndarray
    """``[T, N]`` greatest difference of generalised velocities after one step."""
    foot_force: np.ndarray
    """``[T, N]`` greatest difference of a foot's force component [N]."""
    body_force: np.ndarray
    """``[T, N]`` the same of the other shapes [N]."""
    foot_load: np.ndarray
    """``[T, N]`` greatest force component on a foot [N]."""
    body_load: np.ndarray
    """``[T, N]`` greatest force component on another shape [N]."""
    wrong_course: np.ndarray
    """``[T, N]`` velocity difference when the C model has another patch's boxes."""
    drift: np.ndarray
    """``[B, N]`` base position [m] after the physics steps of each patch, the C model going on by itself."""


@pytest.fixture(scope="module")
def env() -> Any:
    from parkour_mujoco.engine import MujocoEngine

    task = load_task(
        "go2-teacher",
        changes=read_changes(
            [
                *(f"terrains.{name}.share={int(name in TERRAINS)}" for name in (*TERRAINS, "flat", "demo")),
                "course.levels=2",
                f"course.columns={len(TERRAINS)}",
                "course.difficulty=random",
                "course.difficulty_range=[0.3, 1.0]",
                # No randomization of masses and friction: one C model per patch stands for every world.
                *(f"events.{name}.enabled=false" for name in ("friction", "added_mass", "com_offset", "push")),
                # Single physics steps can be recorded.
                "physics.motors=torch",
                # No episode may end: its world would move to another course.
                *(
                    f"terminations.{name}.enabled=false"
                    for name in ("bad_orientation", "base_too_low", "course_completed")
                ),
            ]
        ),
    )
    env = MujocoEngine().make_env(task, num_envs=WORLDS, device="cpu", seed=11, cpu_sim="warp")
    yield env
    env.close()


@pytest.fixture(scope="module")
def records(env: Any) -> list[list[Record]]:
    """One list per round; in each, every world is on another patch than in the round before."""
    sim, library = env.sim, env.mdp.course.library
    draw = torch.Generator().manual_seed(5)
    rounds: list[list[Record]] = []
    step = sim.step
    state = lambda *names: tuple(getattr(sim.data, name).clone().numpy() for name in names)  # noqa: E731

    def recorded_step() -> None:
        before = state("qpos", "qvel", "ctrl", "qacc_warmstart")
        step()
        rounds[-1].append(Record(patch, before, state("qpos", "qvel", "sensordata")))

    sim.step = recorded_step
    everyone = torch.arange(WORLDS)
    try:
        for turn in range(PATCHES):
            chosen = (everyone + turn) % PATCHES
            patch = chosen.numpy()
            rounds.append([])
            env.sim_handle.write_course(torch.ones(WORLDS, dtype=torch.bool), library.boxes[chosen])
            drop_robots(env, chosen, draw)
            for _ in range(CONTROL_STEPS):
                env.step(0.8 * torch.randn(WORLDS, env.num_actions, generator=draw))
    finally:
        sim.step = step
    return rounds


def drop_robots(env: Any, chosen: torch.Tensor, draw: torch.Generator) -> None:
    """Robots in the default pose just over the first obstacles, moving forward and turned a little."""
    library, handle = env.mdp.course.library, env.sim_handle
    everyone = torch.arange(WORLDS)
    uniform = lambda low, high: low + (high - low) * torch.rand(WORLDS, generator=draw)  # noqa: E731
    x, y = uniform(1.5, 3.5), uniform(-0.4, 0.4)
    (x0, y0), cell, reach = library.origin, library.cell, 8
    cells = torch.stack([(x - x0) / cell, (y - y0) / cell], dim=-1).int().tolist()
    windows = [
        library.height[p, i - reach : i + reach, j - reach : j + reach]
        for p, (i, j) in zip(chosen.tolist(), cells, strict=True)
    ]
    top = torch.stack([window.max() for window in windows])
    pos = torch.stack([x, y, top + 0.35], dim=-1)
    joints = env.mdp.default_joint_pos.expand(WORLDS, -1)
    handle.set_joint_state(everyone, joints, torch.zeros_like(joints))
    handle.set_base_state(everyone, pos, uniform(-0.5, 0.5))
    handle.set_base_velocity_xy(everyone, torch.stack([uniform(0.4, 1.0), uniform(-0.2, 0.2)], dim=-1))
    env.sim.data.qacc_warmstart[:] = 0.0


@pytest.fixture(scope="module")
def models(env: Any) -> list[Any]:
    """A C model per patch, compiled from the scene with the patch's boxes written into it."""
    from parkour_mujoco.scene import compile_scene

    boxes = env.mdp.course.library.boxes.numpy()
    models = []
    for patch in range(PATCHES):
        spec = env.spec.copy()
        for k, row in enumerate(boxes[patch].astype(np.float64)):
            geom = spec.geom(f"course/box_{k}")
            geom.pos, geom.quat, geom.size = row[:3], row[3:7], row[7:]
        models.append(compile_scene(spec, env.task.robot, env.task.model.timing.physics_step))
    return models


class PlainC:
    """C MuJoCo on each patch, put into the engine's states, and running on its own beside it."""

    def __init__(self, env: Any, models: list[Any]) -> None:
        import mujoco

        from parkour_mujoco.scene import sensor_name

        address = lambda name: int(models[0].sensor(sensor_name(name)).adr[0]) + np.arange(3)  # noqa: E731
        self._feet = np.concatenate([address(name) for name in env.files.foot_geoms])
        self._others = np.concatenate([address(name) for names in env.files.body_geoms for name in names])
        self._models, self._step = models, mujoco.mj_step
        self._scratch, self._running = ([mujoco.MjData(model) for model in models] for _ in range(2))

    def differences(self, patch: int, before: list[np.ndarray], after: list[np.ndarray], first: bool) -> Errors:
        """One world's of one physics step; ``first`` puts what runs on its own where the engine is."""
        qpos, qvel, sensed = after
        wrong = np.abs(self._advance((patch + 1) % PATCHES, before).qvel - qvel).max()
        data = self._advance(patch, before)
        own = self._running[patch]
        if first:
            own.qpos[:], own.qvel[:], own.qacc_warmstart[:] = before[0], before[1], before[3]
        own.ctrl[:] = before[2]
        self._step(self._models[patch], own)
        return Errors(
            velocity=np.abs(data.qvel - qvel).max(),
            foot_force=np.abs(data.sensordata[self._feet] - sensed[self._feet]).max(),
            body_force=np.abs(data.sensordata[self._others] - sensed[self._others]).max(),
            foot_load=np.abs(data.sensordata[self._feet]).max(),
            body_load=np.abs(data.sensordata[self._others]).max(),
            wrong_course=wrong,
            drift=np.abs(own.qpos[:3] - qpos[:3]).max(),
        )

    def _advance(self, patch: int, before: list[np.ndarray]) -> Any:
        data = self._scratch[patch]
        data.qpos[:], data.qvel[:], data.ctrl[:], data.qacc_warmstart[:] = before
        self._step(self._models[patch], data)
        return data


@pytest.fixture(scope="module")
def errors(env: Any, records: list[list[Record]], models: list[Any]) -> Errors:
    plain = PlainC(env, models)
    steps: list[list[Errors]] = []
    for records_of_patch in records:
        for index, record in enumerate(records_of_patch):
            row = []
            for world, patch in enumerate(record.patch.tolist()):
                before = [values[world].astype(np.float64) for values in record.before]
                after = [values[world] for values in record.after]
                row.append(plain.differences(patch, before, after, index == 0))
            steps.append(row)
    found = {
        field.name: np.array([[getattr(one, field.name) for one in row] for row in steps]) for field in fields(Errors)
    }
    # Of what runs on its own, where it ends up.
    last = np.cumsum([len(each) for each in records]) - 1
    return Errors(**{**found, "drift": found["drift"][last]})


def test_every_world_was_on_every_patch_in_contact(records: list[list[Record]], errors: Errors) -> None:
    seen = np.stack([steps[0].patch for steps in records])
    assert all(sorted(seen[:, world]) == list(range(PATCHES)) for world in range(WORLDS))
    assert errors.velocity.shape == (PATCHES * CONTROL_STEPS * 4, WORLDS)
    assert (errors.foot_load > TOUCHING).mean() > 0.5
    assert (errors.body_load > TOUCHING).sum() > 100


def test_one_step_velocities(errors: Errors) -> None:
    # float32's rounding, mostly: 3.2e-6 here, and room for processors that round in another order.
    assert np.median(errors.velocity) < 4e-6
    assert np.median(errors.velocity[errors.foot_load > TOUCHING]) < 1e-5
    assert np.quantile(errors.velocity, 0.99) < 1e-3


def test_foot_forces(errors: Errors) -> None:
    difference = errors.foot_force[errors.foot_load > TOUCHING]
    assert np.median(difference) < 3e-3
    assert np.quantile(difference, 0.99) < 0.05


def test_forces_on_other_bodies(errors: Errors) -> None:
    difference = errors.body_force[errors.body_load > TOUCHING]
    assert np.median(difference) < 3e-3
    # Where the C model has no contact, the engine has none either.
    assert errors.body_force[errors.body_load == 0.0].max() < 1.0


def test_trajectories(errors: Errors) -> None:
    """Without correction, over half a second with impacts."""
    assert np.median(errors.drift) < 1e-4


def test_another_course_would_be_noticed(errors: Errors) -> None:
    assert np.median(errors.wrong_course) > 1e-2
