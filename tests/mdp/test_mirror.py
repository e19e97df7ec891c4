"""Left and right exchanged: what the numbers become, and the mirrored world seen through the mirrored robot."""

from __future__ import annotations

import dataclasses
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from parkour.errors import PluginError, TaskError
from parkour.mdp.context import RobotState
from parkour.mdp.measurement import Measurement
from parkour.mdp.mirror import Mirror, MirroredTerm, Sides, columns_reversed, joined, rows_reversed
from parkour.mdp.observations import ClippedGroup, ObservationSet
from parkour.mdp.robot import RobotLayout
from parkour.mdp.task_mdp import TaskMdp
from parkour.specs import ObservationField
from parkour.tasks import load_task
from parkour.tasks.build import build_mdp, build_observations
from parkour_cli.changes import read_changes
from tests.contexts import GO2, TRIPOD, random_context

SIDES = Sides.of(GO2)
STEPS, ROBOTS = 12, 12
ACROSS, ABOUT = torch.tensor([1.0, -1.0, 1.0]), torch.tensor([-1.0, 1.0, -1.0])


# -- permutations with signs -------------------------------------------------------------------------------------


def test_grids_and_images_by_hand() -> None:
    image = torch.arange(6.0)
    assert columns_reversed(2, 3).on("cpu")(image).tolist() == [2, 1, 0, 5, 4, 3]
    assert rows_reversed(2, 3).on("cpu")(image).tolist() == [3, 4, 5, 0, 1, 2]
    both = joined([columns_reversed(1, 2), Mirror((0,), (-1.0,))])
    assert both.on("cpu")(torch.tensor([1.0, 2.0, 3.0])).tolist() == [2, 1, -3]


@pytest.mark.parametrize(
    ("order", "signs"),
    [((0, 0), (1.0, 1.0)), ((0, 1), (1.0,)), ((0, 1), (1.0, 0.5)), ((1, 2, 0), (1.0,) * 3), ((1, 0), (1.0, -1.0))],
)
def test_what_does_not_undo_itself_is_no_mirror(order: tuple[int, ...], signs: tuple[float, ...]) -> None:
    with pytest.raises(PluginError, match="expected a mirror"):
        Mirror(order, signs)


# -- sides of a robot --------------------------------------------------------------------------------------------


def named(robot: RobotLayout, *changes: tuple[str, str]) -> RobotLayout:
    joints, feet = list(robot.joints), list(robot.feet)
    for old, new in changes:
        joints, feet = ([name.replace(old, new) for name in names] for names in (joints, feet))
    return replace(robot, joints=tuple(joints), feet=tuple(feet))


@pytest.mark.parametrize(
    "robot",
    [
        GO2,
        named(GO2, ("FL_", "front_left_"), ("FR_", "front_right_"), ("RL_", "rear_left_"), ("RR_", "rear_right_")),
        named(GO2, ("FL_", "LF_"), ("FR_", "RF_"), ("RL_", "LH_"), ("RR_", "RH_")),
        named(GO2, ("FL_", "fl."), ("FR_", "fr."), ("RL_", "hl."), ("RR_", "hr.")),
    ],
)
def test_sides_are_read_off_the_names(robot: RobotLayout) -> None:
    sides = Sides.of(robot)
    assert sides.joints.order == (1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10)
    assert sides.joints.signs == (-1.0,) * 4 + (1.0,) * 8
    assert (sides.feet.order, sides.feet.signs) == ((1, 0, 3, 2), (1.0,) * 4)


def test_a_robot_may_say_which_joints_change_their_sign() -> None:
    outward = (0.1, 0.1, 0.1, 0.1, *GO2.default_joint_pos[4:])
    sides = Sides.of(replace(GO2, opposite_joints=(), default_joint_pos=outward))
    assert sides.joints.order == SIDES.joints.order and sides.joints.signs == (1.0,) * 12


@pytest.mark.parametrize(
    ("robot", "line"),
    [
        (TRIPOD, "joint a_hip has 0 counterparts by name, expected one on the other side"),
        (replace(GO2, feet=("FL_foot", "FR_foot", "RL_foot", "tail")), "foot RL_foot has 0 counterparts"),
        (replace(GO2, hip_joints=()), "default_joint_pos is 0.1 rad at FL_hip_joint and -0.1 rad at FR_hip_joint"),
        (replace(GO2, default_joint_pos=(*GO2.default_joint_pos[:-1], -1.4)), "-1.5 rad at RL_calf_joint and -1.4"),
    ],
)
def test_a_robot_without_sides_is_told(robot: RobotLayout, line: str) -> None:
    with pytest.raises(TaskError, match=f"robot {robot.name!r} cannot be mirrored: .*{line}"):
        Sides.of(robot)


@pytest.mark.mujoco
def test_sides_are_those_of_the_go2s_model() -> None:
    """Places and axes of the joints, in place of their names."""
    from parkour.engines.choice import choose_engine

    task = load_task("go2-student")
    engine: Any = choose_engine("mujoco")[1]
    found, names = engine.robot_facts(task), task.robot.joints
    for name, other, sign in zip(names, SIDES.joints.order, SIDES.joints.signs, strict=True):
        one, its = found.joints[name], found.joints[names[other]]
        assert torch.allclose(torch.tensor(one.anchor), torch.tensor(its.anchor) * ACROSS, atol=1e-6)
        assert torch.allclose(torch.tensor(one.axis), torch.tensor(its.axis) * ABOUT * sign, atol=1e-6)
    feet = task.robot.feet
    for name, other in zip(feet, SIDES.feet.order, strict=True):
        assert torch.allclose(
            torch.tensor(found.feet[name][0]), torch.tensor(found.feet[feet[other]][0]) * ACROSS, atol=1e-6
        )


# -- the mirrored world ------------------------------------------------------------------------------------------


def swapped(values: Tensor, names: tuple[str, ...]) -> Tensor:
    """``[N, names, …]`` those of the other side, whose names differ in the second letter."""
    other = {"L": "R", "R": "L"}
    return values[:, [names.index(name[0] + other[name[1]] + name[2:]) for name in names]]


def turned(values: Tensor) -> Tensor:
    """``[N, J]`` of joints: hips turn the other way."""
    return swapped(values, GO2.joints) * torch.tensor([-1.0 if "hip" in name else 1.0 for name in GO2.joints])


def quaternion(roll: Tensor, pitch: Tensor, yaw: Tensor) -> Tensor:
    (cr, sr), (cp, sp), (cy, sy) = ((torch.cos(a / 2), torch.sin(a / 2)) for a in (roll, pitch, yaw))
    parts = (
        cr * cp * cy + sr * sp * sy, sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy, cr * cp * sy - sr * sp * cy,
    )  # fmt: skip
    return torch.stack(parts, dim=-1)


class MirroredCourse:
    """The mirror images of another course's patches."""

    def __init__(self, course: Any) -> None:
        self._course = course

    def __getattr__(self, name: str) -> Any:
        return getattr(self._course, name)

    @property
    def goals(self) -> Tensor:
        return self._course.goals * ACROSS[:2]

    def boxes(self, env_ids: Tensor | None = None) -> Tensor:
        turn = torch.tensor([1.0, -1.0, 1.0, -1.0])
        return self._course.boxes(env_ids) * torch.cat((ACROSS, turn, torch.ones(3)))

    def height(self, xy: Tensor) -> Tensor:
        return self._course.height(xy * ACROSS[:2])

    def ceiling(self, xy: Tensor) -> Tensor:
        return self._course.ceiling(xy * ACROSS[:2])


def measured(mdp: TaskMdp, seed: int) -> Measurement:
    """Robots that look at their courses from here and there."""
    ctx, rng = random_context(ROBOTS, seed), torch.Generator().manual_seed(seed)
    draw = lambda low, high: low + (high - low) * torch.rand(ROBOTS, generator=rng)  # noqa: E731
    roll, pitch, yaw = draw(-0.3, 0.3), draw(-0.3, 0.3), draw(-0.7, 0.7)
    place = mdp.course.spawn + torch.stack((draw(0.0, 6.0), draw(-0.4, 0.4), draw(0.25, 0.6)), dim=-1)
    robot = replace(ctx.robot, base_pos=place, roll=roll, pitch=pitch, yaw=yaw, base_quat=quaternion(roll, pitch, yaw))
    return Measurement(robot, ctx.contacts.foot_force, ctx.contacts.body_force)


def reflected(seen: Measurement) -> Measurement:
    """The same robots in the mirror, each number by hand."""
    robot = seen.robot
    there = RobotState(
        base_pos=robot.base_pos * ACROSS,
        base_quat=robot.base_quat * torch.tensor([1.0, -1.0, 1.0, -1.0]),
        base_lin_vel_w=robot.base_lin_vel_w * ACROSS,
        base_lin_vel_b=robot.base_lin_vel_b * ACROSS,
        base_ang_vel_b=robot.base_ang_vel_b * ABOUT,
        projected_gravity=robot.projected_gravity * ACROSS,
        roll=-robot.roll,
        pitch=robot.pitch,
        yaw=-robot.yaw,
        joint_pos=turned(robot.joint_pos),
        joint_vel=turned(robot.joint_vel),
        joint_torque=turned(robot.joint_torque),
        feet_pos=swapped(robot.feet_pos, GO2.feet) * ACROSS,
    )
    assert len(fields(there)) == 13
    return Measurement(there, swapped(seen.foot_force, GO2.feet) * ACROSS, seen.body_force * ACROSS)


def observed(mdp: TaskMdp, seen: Measurement, action: Tensor, episode_step: Tensor) -> dict[str, Tensor]:
    mdp.advance(seen, action, episode_step)
    torch.manual_seed(int(episode_step[0]))  # The same speeds are drawn in both worlds.
    return {name: values.clone() for name, values in mdp.observe(seen, episode_step).items()}


def make_worlds() -> tuple[TaskMdp, TaskMdp]:
    small = ("course.levels=2", "course.columns=12", "observations.height_scan.params.ceiling=true")
    task = load_task("go2-student", overlay="train", changes=read_changes(small))
    here, there = (build_mdp(task, num_envs=ROBOTS, device="cpu", seed=3) for _ in range(2))
    there.course = MirroredCourse(there.course)  # type: ignore[assignment]
    context = random_context(ROBOTS, seed=77)
    here.privileged = context.privileged
    there.privileged = dataclasses.replace(
        context.privileged,
        com_offset=context.privileged.com_offset * ACROSS,
        stiffness_scale=swapped(context.privileged.stiffness_scale, GO2.joints),
        damping_scale=swapped(context.privileged.damping_scale, GO2.joints),
    )
    return here, there


def test_the_mirrored_world_is_observed_mirrored() -> None:
    """Every group of both tasks, over twelve steps: depth by the real ray caster, way points, scan, history, delays."""
    here, there = make_worlds()
    mirrors = here.observations.mirrors(here.observations.layout, SIDES)
    assert {"depth", "height_scan", "proprioception", "proprioception_history", "yaw_valid"} <= mirrors.keys()
    lopsided = 0.0
    for step in range(STEPS):
        seen, action = measured(here, step), random_context(ROBOTS, 50 + step).action
        episode_step = torch.full((ROBOTS,), step)
        one = observed(here, seen, action, episode_step)
        other = observed(there, reflected(seen), turned(action), episode_step)
        for name, mirror in mirrors.items():
            image = mirror.on("cpu")(one[name].flatten(1)).view_as(one[name])
            torch.testing.assert_close(image, other[name], rtol=0.0, atol=1e-5, msg=f"{name} at step {step}")
        image = one["depth"]
        lopsided = max(lopsided, (image - image.flip(-1)).abs().mean().item())
    assert lopsided > 0.02, "courses that look the same from both sides would show nothing"


def test_every_group_is_a_mirror_that_undoes_itself_bit_for_bit() -> None:
    here, _ = make_worlds()
    for mirror in here.observations.mirrors(here.observations.layout, SIDES).values():
        values = torch.randn(3, len(mirror.order))
        reflect = mirror.on("cpu")
        assert torch.equal(reflect(reflect(values)), values)


# -- groups that have none ---------------------------------------------------------------------------------------


class Whiskers:
    """Somebody else's group."""

    def layout(self) -> list[ObservationField]:
        return [ObservationField(name="whiskers", size=2)]

    def __call__(self, ctx: Any) -> Tensor:
        return torch.zeros(ctx.num_envs, 2)

    def reset(self, env_ids: Tensor) -> None: ...


class ShortWhiskers(Whiskers):
    def mirror(self, sides: Sides) -> Mirror:
        return Mirror((0,), (1.0,))


class MirroredWhiskers(Whiskers):
    def mirror(self, sides: Sides) -> Mirror:
        return Mirror((1, 0), (1.0, 1.0))


def test_groups_of_others() -> None:
    groups = {"a": ClippedGroup(Whiskers(), None), "b": ClippedGroup(ShortWhiskers(), None)}
    observations = ObservationSet({**groups, "c": ClippedGroup(MirroredWhiskers(), None)})
    assert isinstance(MirroredWhiskers(), MirroredTerm)
    assert observations.mirrors(["c"], SIDES)["c"].order == (1, 0)
    with pytest.raises(TaskError, match="group 'a' cannot be mirrored: its class Whiskers has no method mirror"):
        observations.mirrors(["a"], SIDES)
    with pytest.raises(PluginError, match="group 'b' has 2 numbers, and its mirror is of 1"):
        observations.mirrors(["b"], SIDES)


@pytest.mark.parametrize(
    ("changed", "group", "line"),
    [
        ("camera.position=[0.33, 0.02, 0.08]", "depth", r"camera.position\[1\] is 0.02, expected 0"),
        ("camera.roll=0.1", "depth", "camera.roll is 0.1, expected 0"),
        ("camera.yaw=-0.1", "depth", "camera.yaw is -0.1, expected 0"),
        ("observations.height_scan.params.y=[-0.6, 0.75]", "height_scan", "from y = -0.6 to 0.75 m has no mirror"),
    ],
)
def test_sensors_that_look_to_one_side_have_no_mirror_image(changed: str, group: str, line: str) -> None:
    task = load_task("go2-student", changes=read_changes((changed,)))
    with pytest.raises(TaskError, match=line):
        build_observations(task, num_envs=1, device="cpu").mirrors([group], SIDES)
