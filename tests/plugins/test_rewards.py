"""Every reward term against a computation by hand, environment by environment, from the formulas of the task."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from importlib.resources import files

import pytest
import torch

from parkour.mdp.context import StepContext
from parkour.mdp.robot import RobotLayout
from parkour.testing.states import WavyCourse
from parkour_rewards.plugin import register_rewards
from tests.components import load, parameters
from tests.contexts import GO2, TRIPOD, random_context

SPECS = {spec.name: spec for spec in register_rewards()}


def _sum_of_squares(values: list[float]) -> float:
    return sum(value * value for value in values)


def _length(vector: list[float]) -> float:
    return math.sqrt(_sum_of_squares(vector))


def _difference(first: torch.Tensor, second: torch.Tensor) -> list[float]:
    return [a - b for a, b in zip(first.tolist(), second.tolist(), strict=True)]


def _tracking_goal_vel(ctx: StepContext, i: int) -> float:
    vx, vy, _ = ctx.robot.base_lin_vel_w[i].tolist()
    dx, dy = ctx.goals.direction[i].tolist()
    command = ctx.command[i].item()
    return min(vx * dx + vy * dy, command) / (command + 1e-5)


def _tracking_yaw(ctx: StepContext, i: int) -> float:
    dx, dy = ctx.goals.direction[i].tolist()
    error = math.atan2(dy, dx) - ctx.robot.yaw[i].item()
    while error > math.pi:
        error -= 2 * math.pi
    while error < -math.pi:
        error += 2 * math.pi
    return math.exp(-abs(error))


def _tracking_lateral_speed(ctx: StepContext, i: int) -> float:
    error = ctx.robot.base_lin_vel_b[i].tolist()[1] - ctx.commands["lateral_speed"][i].item()
    return math.exp(-(error**2) / 0.25)


def _tracking_turn_rate(ctx: StepContext, i: int) -> float:
    error = ctx.robot.base_ang_vel_b[i].tolist()[2] - ctx.commands["turn_rate"][i].item()
    return math.exp(-(error**2) / 0.25)


def _lin_vel_z(ctx: StepContext, i: int) -> float:
    squared = ctx.robot.base_lin_vel_b[i].tolist()[2] ** 2
    return squared if ctx.course.flat[i] else squared / 2


def _ang_vel_xy(ctx: StepContext, i: int) -> float:
    return _sum_of_squares(ctx.robot.base_ang_vel_b[i].tolist()[:2])


def _orientation(ctx: StepContext, i: int) -> float:
    return _sum_of_squares(ctx.robot.projected_gravity[i].tolist()[:2]) if ctx.course.flat[i] else 0.0


def _dof_acc(ctx: StepContext, i: int) -> float:
    return _sum_of_squares([d / 0.02 for d in _difference(ctx.robot.joint_vel[i], ctx.previous.joint_vel[i])])


def _collision(ctx: StepContext, i: int) -> float:
    return sum(_length(ctx.contacts.body_force[i, body].tolist()) > 0.1 for body in ctx.layout.penalised_bodies)


def _action_rate(ctx: StepContext, i: int) -> float:
    return _length(_difference(ctx.action[i], ctx.previous.action[i]))


def _delta_torques(ctx: StepContext, i: int) -> float:
    return _sum_of_squares(_difference(ctx.robot.joint_torque[i], ctx.previous.joint_torque[i]))


def _torques(ctx: StepContext, i: int) -> float:
    return _sum_of_squares(ctx.robot.joint_torque[i].tolist())


def _hip_pos(ctx: StepContext, i: int) -> float:
    position = ctx.robot.joint_pos[i].tolist()
    hips = [index for index, joint in enumerate(ctx.layout.joints) if "hip" in joint]
    return _sum_of_squares([position[hip] - ctx.layout.default_joint_pos[hip] for hip in hips])


def _dof_error(ctx: StepContext, i: int) -> float:
    return _sum_of_squares(_difference(ctx.robot.joint_pos[i], torch.tensor(ctx.layout.default_joint_pos)))


def _feet_stumble(ctx: StepContext, i: int) -> float:
    return float(any(math.hypot(fx, fy) > 4 * abs(fz) for fx, fy, fz in ctx.contacts.foot_force[i].tolist()))


def _feet_edge(ctx: StepContext, i: int) -> float:
    if ctx.course.level[i] <= 3:
        return 0.0
    count = 0
    for foot, (x, y, _) in enumerate(ctx.robot.feet_pos[i].tolist()):
        now = _length(ctx.contacts.foot_force[i, foot].tolist())
        before = _length(ctx.contacts.previous_foot_force[i, foot].tolist())
        count += (now > 2 or before > 2) and math.sin(5 * x + y) > 0.2
    return count


def _low_ceiling(ctx: StepContext, i: int) -> float:
    bx, by, bz = ctx.robot.base_pos[i].tolist()
    yaw = ctx.robot.yaw[i].item()
    lowest = 10.0
    for forward in (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        for left in (-0.15, -0.05, 0.05, 0.15):
            x = bx + forward * math.cos(yaw) - left * math.sin(yaw)
            y = by + forward * math.sin(yaw) + left * math.cos(yaw)
            if math.sin(3 * x) > 0.5:
                lowest = min(lowest, 0.3 * math.sin(x) + 0.2 * y + 0.35 + 0.1 * math.cos(y))
    return min(max(bz + 0.08 - lowest, 0.0), 0.3)


class UnderABar(WavyCourse):
    """Something hangs 0.42 m high from x = 2 to 3 m."""

    def ceiling(self, xy: torch.Tensor) -> torch.Tensor:
        return torch.where((xy[..., 0] > 2.0) & (xy[..., 0] < 3.0), 0.42, 10.0)


BY_HAND: dict[str, Callable[[StepContext, int], float]] = {
    "tracking_goal_vel": _tracking_goal_vel,
    "tracking_yaw": _tracking_yaw,
    "tracking_lateral_speed": _tracking_lateral_speed,
    "tracking_turn_rate": _tracking_turn_rate,
    "lin_vel_z": _lin_vel_z,
    "ang_vel_xy": _ang_vel_xy,
    "orientation": _orientation,
    "dof_acc": _dof_acc,
    "collision": _collision,
    "action_rate": _action_rate,
    "delta_torques": _delta_torques,
    "torques": _torques,
    "hip_pos": _hip_pos,
    "dof_error": _dof_error,
    "feet_stumble": _feet_stumble,
    "feet_edge": _feet_edge,
    "low_ceiling": _low_ceiling,
}


def _evaluate(name: str, ctx: StepContext, **changes: object) -> torch.Tensor:
    spec = SPECS[name]
    return load(spec.target)(ctx, **parameters(spec, **changes))


def test_the_terms_are_those_of_the_teacher_and_all_are_computed_by_hand() -> None:
    names = ("go2_teacher", "go2_teacher_crawl")
    teacher, crawling = (tomllib.loads((files("parkour_tasks") / f"{name}.toml").read_text()) for name in names)
    told = {"tracking_lateral_speed", "tracking_turn_rate"}
    assert set(SPECS) == set(BY_HAND) == set(teacher["rewards"]) | set(crawling["rewards"]) | told
    assert set(crawling["rewards"]) == {"low_ceiling"}


@pytest.mark.parametrize("layout", [GO2, TRIPOD], ids=lambda layout: layout.name)
@pytest.mark.parametrize("name", sorted(SPECS))
def test_term_equals_the_computation_by_hand(name: str, layout: RobotLayout) -> None:
    ctx = random_context(64, seed=11, layout=layout)
    got = _evaluate(name, ctx)
    expected = torch.tensor([float(BY_HAND[name](ctx, i)) for i in range(64)])
    assert got.shape == (64,) and got.dtype == torch.float32
    assert expected.unique().numel() > 1, "the states do not tell this term from a constant"
    torch.testing.assert_close(got, expected, rtol=2e-5, atol=1e-5)


def test_all_terms_compile_into_one_graph() -> None:
    torch._dynamo.reset()
    terms = [(load(spec.target), parameters(spec)) for spec in SPECS.values()]

    def total(state: StepContext) -> torch.Tensor:
        return torch.stack([term(state, **kwargs) for term, kwargs in terms], dim=1)

    compiled = torch.compile(total, fullgraph=True, backend="eager")
    for seed in (0, 1):
        ctx = random_context(8, seed=seed)
        torch.testing.assert_close(compiled(ctx), total(ctx))


def test_speed_past_the_command_earns_no_more() -> None:
    ctx = random_context(3, seed=0, command=torch.tensor([0.5, 0.5, 0.5]))
    ctx.goals.direction = torch.tensor([[0.0, 1.0]] * 3)
    ctx.robot.base_lin_vel_w = torch.tensor([[9.0, 0.25, 0.0], [0.0, 3.0, 0.0], [0.0, -1.0, 0.0]])
    torch.testing.assert_close(_evaluate("tracking_goal_vel", ctx), torch.tensor([0.5, 1.0, -2.0]), rtol=1e-4, atol=0.0)


def test_yaw_error_is_wrapped() -> None:
    ctx = random_context(1, seed=0)
    ctx.goals.direction = torch.tensor([[math.cos(3.1), -math.sin(3.1)]])
    ctx.robot.yaw = torch.tensor([3.1])
    assert _evaluate("tracking_yaw", ctx).item() == pytest.approx(math.exp(-(2 * math.pi - 6.2)), rel=1e-4)


def test_only_penalised_bodies_collide() -> None:
    ctx = random_context(2, seed=0)
    ctx.contacts.body_force = torch.zeros(2, len(GO2.contact_bodies), 3)
    hips = [index for index, body in enumerate(GO2.contact_bodies) if body.endswith("hip")]
    ctx.contacts.body_force[0, hips] = 50.0
    ctx.contacts.body_force[1] = 50.0
    ctx.contacts.foot_force = torch.full_like(ctx.contacts.foot_force, 100.0)
    assert _evaluate("collision", ctx).tolist() == [0.0, 9.0]


def test_edges_count_only_above_the_level_and_under_load() -> None:
    ctx = random_context(4, seed=0)
    ctx.robot.feet_pos = torch.zeros(4, 4, 3)
    ctx.robot.feet_pos[..., 0] = 0.3  # on an edge: sin(1.5) > 0.2
    ctx.course.level = torch.tensor([3, 4, 4, 4])
    load_now, load_before = torch.zeros(4, 4, 3), torch.zeros(4, 4, 3)
    load_now[:2, :, 2] = 30.0
    load_before[2, 1, 2] = 30.0
    ctx.contacts.foot_force, ctx.contacts.previous_foot_force = load_now, load_before
    assert _evaluate("feet_edge", ctx).tolist() == [0.0, 4.0, 1.0, 0.0]
    assert _evaluate("feet_edge", ctx, above_level=-1).tolist() == [4.0, 4.0, 1.0, 0.0]


@pytest.mark.parametrize(("height", "expected"), [(0.3, 0.0), (0.34, 0.0), (0.4, 0.06), (2.0, 0.3)])
def test_the_body_is_to_be_low_before_and_under_a_bar(height: float, expected: float) -> None:
    ctx = random_context(4, seed=0)
    # Half a metre before a bar from x = 2 to 3 m, under it, with its tail below it yet, and behind it.
    ctx.robot.base_pos = torch.tensor(
        [[1.51, 0.0, height], [2.5, 0.0, height], [3.29, 0.0, height], [3.4, 0.0, height]]
    )
    ctx.robot.yaw = torch.zeros(4)
    ctx.course = UnderABar(ctx.course.level, ctx.course.difficulty, ctx.course.terrain, ctx.course.flat)
    assert _evaluate("low_ceiling", ctx).tolist() == pytest.approx([expected] * 3 + [0.0], abs=1e-5)


def test_unloaded_feet_do_not_stumble() -> None:
    ctx = random_context(2, seed=0)
    ctx.contacts.foot_force = torch.zeros(2, 4, 3)
    ctx.contacts.foot_force[1, 2] = torch.tensor([3.0, 4.0, -1.2])
    assert _evaluate("feet_stumble", ctx).tolist() == [0.0, 1.0]
