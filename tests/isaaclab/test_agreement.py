"""The two engines in the same states: what is measured, what the motors give, and every term of the task."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from parkour.tasks import load_task
from parkour_cli.changes import read_changes
from tests.isaaclab.drivers import IsaacDriver, MujocoDriver, Pose

pytestmark = [pytest.mark.isaaclab, pytest.mark.slow]

NUM_ENVS = 10
ROUNDS = 16
SETTLED = 11
"""States after which every picture that a student is given, the oldest too, was taken in this test."""

Pair = tuple[MujocoDriver, IsaacDriver]


@pytest.fixture(scope="module", params=["go2-teacher", "go2-student"])
def pair(request: pytest.FixtureRequest, physics: str) -> Iterator[Pair]:
    """Both engines on the same courses, told the same constants and commands."""
    task = load_task(
        request.param,
        overlay="train",
        changes=read_changes(["course.levels=5", "course.start_levels=[0, 4]", "command.resample='never'"]),
    )
    mujoco, isaac = MujocoDriver(task, NUM_ENVS), IsaacDriver(task, NUM_ENVS, physics)
    isaac.mdp.privileged = mujoco.mdp.privileged
    isaac.mdp.command.speed = mujoco.mdp.command.speed.clone()
    if mujoco.mdp.camera is not None and isaac.mdp.camera is not None:
        isaac.mdp.camera.mounting_error = {k: v.clone() for k, v in mujoco.mdp.camera.mounting_error.items()}
    yield mujoco, isaac
    mujoco.close()
    isaac.close()


def test_the_courses_are_the_same(pair: Pair) -> None:
    first, second = (driver.mdp.course for driver in pair)
    assert torch.equal(first.patch, second.patch)
    assert torch.equal(first.boxes(), second.boxes())


def test_the_same_state_is_measured_alike(pair: Pair) -> None:
    """Tolerances: positions 1e-4 m, since PhysX keeps them up to 100 m from the world's origin in single precision;
    everything else 2e-5 of its size."""
    generator = torch.Generator().manual_seed(3)
    for _ in range(ROUNDS):
        pose = _random_pose(pair, generator)
        for driver in pair:
            driver.place(pose)
        mujoco, isaac = (driver.read().robot for driver in pair)
        for field in dataclasses.fields(mujoco):
            if field.name == "joint_torque":
                continue
            tolerance = 1e-4 if field.name.endswith("_pos") else 2e-5
            torch.testing.assert_close(
                getattr(isaac, field.name),
                getattr(mujoco, field.name),
                atol=tolerance,
                rtol=2e-5,
                msg=lambda text, name=field.name: f"{name}: {text}",
            )


def test_motors_give_the_same_torque(pair: Pair) -> None:
    """Also beyond the no-load speed, where the torque-speed line turns the sign."""
    generator = torch.Generator().manual_seed(4)
    joints = pair[0].mdp.layout.num_joints
    clipped = 0
    for speed in (1.0, 20.0, 45.0, 90.0):
        pose = _random_pose(pair, generator)
        pose.joint_vel = speed * (2 * torch.rand(NUM_ENVS, joints, generator=generator) - 1)
        target = pose.joint_pos + torch.randn(NUM_ENVS, joints, generator=generator)
        for driver in pair:
            driver.place(pose)
        mujoco, isaac = (driver.motors(target).clone() for driver in pair)
        torch.testing.assert_close(isaac, mujoco, atol=1e-4, rtol=1e-5)
        wanted = 40.0 * (target - pose.joint_pos) - pose.joint_vel
        clipped += int(((wanted - mujoco).abs() > 1.0).sum())
    assert clipped > 50


def test_every_term_gives_the_same(pair: Pair) -> None:
    """Rewards, terminations and observation groups over a run of states, each engine on its own measurement.

    Contact forces are drawn and given to both: no two solvers agree on them. Tolerances: rewards 1e-4 of the largest
    of their kind, observations 1e-4, but for scan and depth: a hundredth of their rays may fall on
    either side of an edge.
    """
    generator = torch.Generator().manual_seed(5)
    for driver in pair:
        with torch.inference_mode():
            # What each saw of its own first state is no part of this.
            driver.mdp.observations.reset(torch.ones(NUM_ENVS, dtype=torch.bool))
    seen_rewards = torch.zeros(len(pair[0].mdp.rewards.names))
    ends = torch.zeros(len(pair[0].mdp.terminations.names), dtype=torch.bool)
    for step in range(1, ROUNDS + 1):
        pose, forces = _failing(_random_pose(pair, generator), generator), _random_forces(pair, generator)
        action = torch.randn(NUM_ENVS, pair[0].mdp.layout.num_joints, generator=generator)
        steps = torch.full((NUM_ENVS,), step if step < ROUNDS else pair[0].mdp.clock.max_episode_steps)
        observations = []
        for driver in pair:
            driver.place(pose)
            driver.motors(pose.joint_pos + 0.25 * action)
            # To ask its motors moves a robot of Isaac Lab's.
            driver.place(pose)
            seen = dataclasses.replace(driver.read(), **forces)
            torch.manual_seed(step)
            with torch.inference_mode():
                driver.mdp.advance(seen, action, steps)
                observations.append(driver.mdp.observe(seen, steps))
        mujoco, isaac = (driver.mdp for driver in pair)
        names = mujoco.rewards.names
        for index, name in enumerate(names):
            a, b = mujoco.rewards.step_values[:, index], isaac.rewards.step_values[:, index]
            bound = 1e-4 * max(float(a.abs().max()), 1e-3)
            assert (a - b).abs().max() <= bound, (name, a, b)
        seen_rewards += mujoco.rewards.step_values.abs().sum(dim=0)
        assert torch.equal(mujoco.terminations.fired, isaac.terminations.fired), mujoco.terminations.names
        ends |= mujoco.terminations.fired.any(dim=0)
        for name, value in observations[0].items():
            if name != "depth" or step > SETTLED:
                _assert_group(name, value, observations[1][name])
    assert {name for name, total in zip(names, seen_rewards, strict=True) if total == 0} == set()
    never = {name for name, seen in zip(pair[0].mdp.terminations.names, ends.tolist(), strict=True) if not seen}
    assert never == {"course_completed"}, "which counts way points, of nothing but positions"


def _failing(pose: Pose, generator: torch.Generator) -> Pose:
    """One robot deeper than a robot may fall, one about as far tilted as one may be."""
    deep, roll = torch.rand(2, generator=generator)
    pose.pos[0, 2] = -0.26 - 0.1 * deep
    half = (1.4 + 0.2 * roll) / 2
    pose.quat[1] = torch.stack((half.cos(), half.sin(), torch.zeros(()), torch.zeros(())))
    return pose


def _random_pose(pair: Pair, generator: torch.Generator) -> Pose:
    """In the air somewhere over the course, tumbling."""
    pose = Pose.standing(pair[0].mdp, 1.0)
    rand = lambda *shape: 2 * torch.rand(*shape, generator=generator) - 1  # noqa: E731
    joints = pair[0].mdp.layout.num_joints
    pose.pos += torch.tensor([6.5, 0.0, 0.0]) + torch.tensor([6.0, 1.0, 0.4]) * rand(NUM_ENVS, 3)
    quat = torch.tensor([1.0, 0.0, 0.0, 0.0]) + 0.5 * rand(NUM_ENVS, 4)
    pose.quat = torch.nn.functional.normalize(quat, dim=-1)
    pose.lin_vel_w, pose.ang_vel_b = 1.5 * rand(NUM_ENVS, 3), 3.0 * rand(NUM_ENVS, 3)
    pose.joint_pos = pose.joint_pos + 0.4 * rand(NUM_ENVS, joints)
    pose.joint_vel = 10.0 * rand(NUM_ENVS, joints)
    return pose


def _random_forces(pair: Pair, generator: torch.Generator) -> dict[str, Tensor]:
    layout = pair[0].mdp.layout

    def some(count: int) -> Tensor:
        forces = 60.0 * torch.randn(NUM_ENVS, count, 3, generator=generator)
        return forces * (torch.rand(NUM_ENVS, count, 1, generator=generator) < 0.5)

    return {"foot_force": some(layout.num_feet), "body_force": some(len(layout.contact_bodies))}


def _assert_group(name: str, mujoco: Tensor, isaac: Tensor) -> None:
    difference = (mujoco - isaac).abs()
    if name in ("height_scan", "depth"):
        assert (difference > 1e-3).float().mean() < 0.01, name
        return
    assert difference.max() <= 1e-4 * max(1.0, float(mujoco.abs().max())), (name, difference.max())
