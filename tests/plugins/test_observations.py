"""The observation groups against their layout, computations by hand, and what they remember."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from parkour.mdp.camera import CameraGeometry, DepthCamera
from parkour.mdp.context import StepContext
from parkour.mdp.observations import ClippedGroup, ObservationSet
from parkour.mdp.robot import RobotLayout
from parkour_observations.plugin import register_observations
from tests.components import load, parameters
from tests.contexts import GO2, TRIPOD, random_context

SPECS = {spec.name: spec for spec in register_observations()}
LAYOUTS = pytest.mark.parametrize("layout", [GO2, TRIPOD], ids=lambda layout: layout.name)
GROUPS = pytest.mark.parametrize("name", sorted(SPECS))


def _make(name: str, num_envs: int, *, layout: RobotLayout = GO2, device: str = "cpu", **changes: Any) -> Any:
    spec = SPECS[name]
    sensors = {"depth_camera": DepthCamera(num_envs, device, CameraGeometry())}
    needs = {need: sensors[need] for need in spec.needs}
    return load(spec.target)(num_envs, device, layout, **needs, **parameters(spec, **changes))


def _groups(task: str) -> list[str]:
    return list(tomllib.loads((files("parkour_tasks") / f"{task}.toml").read_text())["observations"])


# -- layout ------------------------------------------------------------------------------------------------------


def test_the_753_numbers_of_the_teacher() -> None:
    blocks = {name: [(f.name, f.size) for f in _make(name, 1).layout()] for name in _groups("go2_teacher")}
    assert {name: sum(size for _, size in fields) for name, fields in blocks.items()} == {
        "proprioception": 53,
        "height_scan": 132,
        "privileged_explicit": 9,
        "privileged_latent": 29,
        "proprioception_history": 530,
    }
    assert list(blocks) == [
        "proprioception", "height_scan", "privileged_explicit", "privileged_latent", "proprioception_history",
    ]  # fmt: skip
    assert blocks["proprioception"] == [
        ("base_ang_vel", 3), ("roll", 1), ("pitch", 1), ("reserved_yaw", 1), ("goal_yaw", 1), ("next_goal_yaw", 1),
        ("reserved_command", 2), ("command", 1), ("not_flat", 1), ("flat", 1), ("joint_pos", 12), ("joint_vel", 12),
        ("last_action", 12), ("foot_contact", 4),
    ]  # fmt: skip
    assert blocks["privileged_explicit"] == [("base_lin_vel", 3), ("reserved", 6)]
    assert blocks["privileged_latent"] == [
        ("added_mass", 1), ("com_offset", 3), ("friction", 1), ("stiffness_scale", 12), ("damping_scale", 12),
    ]  # fmt: skip
    assert blocks["proprioception_history"] == [(f"proprioception_{age}", 53) for age in range(10, 0, -1)]


def test_every_registered_group_is_in_a_task_but_that_of_further_commands() -> None:
    assert set(SPECS) == {*_groups("go2_teacher"), *_groups("go2_student"), "commands"}


@GROUPS
@LAYOUTS
def test_group_has_the_size_of_its_layout(name: str, layout: RobotLayout) -> None:
    group = _make(name, 5, layout=layout)
    fields = group.layout()
    assert len({field.name for field in fields}) == len(fields)
    values = group(random_context(5, seed=1, layout=layout))
    assert len(values) == 5 and values[0].numel() == sum(field.size for field in fields)
    assert values.dtype == torch.float32 and torch.isfinite(values).all()


# -- values by hand ----------------------------------------------------------------------------------------------


def _proprioception_by_hand(ctx: StepContext, i: int) -> list[float]:
    flat = bool(ctx.course.flat[i])
    now = ctx.contacts.foot_force[i].tolist()
    before = ctx.contacts.previous_foot_force[i].tolist()
    numbers = [0.25 * rate for rate in ctx.robot.base_ang_vel_b[i].tolist()]
    numbers += [ctx.robot.roll[i].item(), ctx.robot.pitch[i].item(), 0.0]
    numbers += [ctx.goals.yaw[i].item(), ctx.goals.next_yaw[i].item(), 0.0, 0.0, ctx.command[i].item()]
    numbers += [0.0, 1.0] if flat else [1.0, 0.0]
    numbers += [q - q0 for q, q0 in zip(ctx.robot.joint_pos[i].tolist(), ctx.layout.default_joint_pos, strict=True)]
    numbers += [0.05 * speed for speed in ctx.robot.joint_vel[i].tolist()]
    numbers += ctx.action[i].tolist()
    for force, earlier in zip(now, before, strict=True):
        touches = math.hypot(*force) > 2 or math.hypot(*earlier) > 2
        numbers.append(0.5 if touches else -0.5)
    return numbers


@LAYOUTS
def test_proprioception(layout: RobotLayout) -> None:
    ctx = random_context(32, seed=7, layout=layout)
    expected = torch.tensor([_proprioception_by_hand(ctx, i) for i in range(32)])
    torch.testing.assert_close(_make("proprioception", 32, layout=layout)(ctx), expected)


@LAYOUTS
def test_privileged_groups(layout: RobotLayout) -> None:
    ctx = random_context(16, seed=8, layout=layout)
    explicit = [[2 * v for v in ctx.robot.base_lin_vel_b[i].tolist()] + [0.0] * 6 for i in range(16)]
    torch.testing.assert_close(_make("privileged_explicit", 16, layout=layout)(ctx), torch.tensor(explicit))
    hidden = ctx.privileged
    latent = [
        [
            *hidden.added_mass[i].tolist(),
            *hidden.com_offset[i].tolist(),
            *hidden.friction[i].tolist(),
            *(scale - 1 for scale in hidden.stiffness_scale[i].tolist()),
            *(scale - 1 for scale in hidden.damping_scale[i].tolist()),
        ]
        for i in range(16)
    ]
    torch.testing.assert_close(_make("privileged_latent", 16, layout=layout)(ctx), torch.tensor(latent))


def _scanned(ctx: StepContext, i: int) -> Iterator[tuple[float, float, float]]:
    """Where the scan looks, and the height of the ground there."""
    bx, by = ctx.robot.base_pos[i, :2].tolist()
    yaw = ctx.robot.yaw[i].item()
    for row in range(11):
        for column in range(12):
            forward, left = -0.45 + 0.15 * column, -0.75 + 0.15 * row
            x = bx + forward * math.cos(yaw) - left * math.sin(yaw)
            y = by + forward * math.sin(yaw) + left * math.cos(yaw)
            yield x, y, 0.3 * math.sin(x) + 0.2 * y


def _scan_by_hand(ctx: StepContext, i: int) -> list[float]:
    bz = ctx.robot.base_pos[i, 2].item()
    return [max(-1.0, min(1.0, bz - ground - 0.3)) for _, _, ground in _scanned(ctx, i)]


def test_height_scan() -> None:
    ctx = random_context(32, seed=9)
    got = _make("height_scan", 32)(ctx)
    torch.testing.assert_close(got, torch.tensor([_scan_by_hand(ctx, i) for i in range(32)]), rtol=1e-5, atol=1e-5)
    assert (got == -1.0).any() and (got.abs() < 0.5).any(), "the states reach neither the bound nor the middle"


def _ceiling_by_hand(ctx: StepContext, i: int) -> list[float]:
    bz = ctx.robot.base_pos[i, 2].item()
    numbers = []
    for x, y, ground in _scanned(ctx, i):
        over = ground + 0.35 + 0.1 * math.cos(y) - bz if math.sin(3 * x) > 0.5 else 10.0
        numbers.append(min(1.0, max(0.0, 1.0 - over)))
    return numbers


def test_a_ceiling_is_a_second_scan() -> None:
    ctx = random_context(32, seed=9)
    group, ground = _make("height_scan", 32, ceiling=True), _make("height_scan", 32)
    assert [(field.name, field.size) for field in group.layout()] == [("height_scan", 132), ("ceiling_scan", 132)]
    got = group(ctx)
    assert torch.equal(got[:, :132], ground(ctx))
    expected = torch.tensor([_ceiling_by_hand(ctx, i) for i in range(32)])
    assert torch.isclose(got[:, 132:], expected, rtol=1e-5, atol=1e-5).float().mean() > 0.999  # one at a bar's end
    assert all((got[:, 132:] == value).any() for value in (0.0, 1.0)), "the states reach no bound"
    assert ((got[:, 132:] > 0.0) & (got[:, 132:] < 1.0)).any()


@pytest.mark.parametrize(
    ("yaw", "along_columns", "along_rows"),
    # Ground that rises with x. Facing +x, it rises towards the front; facing +y, towards the right; and so on.
    [(0.0, -0.015, 0.0), (math.pi / 2, 0.0, 0.015), (math.pi, 0.015, 0.0), (-math.pi / 2, 0.0, -0.015)],
)
def test_grid_turns_with_the_robot(yaw: float, along_columns: float, along_rows: float) -> None:
    ctx = random_context(1, seed=0)
    ctx.robot.yaw = torch.tensor([yaw])
    ctx.robot.base_pos = torch.tensor([[0.0, 0.0, 0.3]])
    ctx.course = _Slope(ctx.course)
    grid = _make("height_scan", 1)(ctx).reshape(11, 12)
    steps = np.diff(grid.numpy(), axis=1), np.diff(grid.numpy(), axis=0)
    np.testing.assert_allclose(steps[0], along_columns, atol=1e-6)
    np.testing.assert_allclose(steps[1], along_rows, atol=1e-6)


class _Slope:
    """Ground that rises by 0.1 m per metre of x."""

    def __init__(self, course: Any) -> None:
        self.level, self.difficulty, self.terrain, self.flat = (
            course.level, course.difficulty, course.terrain, course.flat,
        )  # fmt: skip

    def height(self, xy: torch.Tensor) -> torch.Tensor:
        return 0.1 * xy[..., 0]

    def ceiling(self, xy: torch.Tensor) -> torch.Tensor:
        return xy.new_full(xy.shape[:-1], 10.0)

    def edge(self, xy: torch.Tensor) -> torch.Tensor:
        return xy[..., 0] > 1e9


def test_other_grids() -> None:
    group = _make("height_scan", 2, x=(0.0, 0.4), y=(-0.1, 0.1), spacing=0.1)
    assert group.layout()[0].size == 15
    with pytest.raises(ValidationError, match="expected a whole number"):
        parameters(SPECS["height_scan"], spacing=0.2)
    with pytest.raises(ValidationError, match="lower end first"):
        parameters(SPECS["height_scan"], x=(1.0, 0.0))


# -- memory ------------------------------------------------------------------------------------------------------


def test_scan_is_held_between_refreshes() -> None:
    num_envs = 6
    group, reference = _make("height_scan", num_envs), [[]] * num_envs
    begun: set[int] = set(range(num_envs))
    for step in range(12):
        ctx = random_context(num_envs, seed=100 + step)
        ctx.perception = torch.tensor([step % 5 == 0 and i != 5 for i in range(num_envs)])
        if step in (3, 7):
            group.reset(torch.tensor([step - 2, 5]))
            begun |= {step - 2, 5}
        got = group(ctx)
        for i in range(num_envs):
            if ctx.perception[i] or i in begun:
                reference[i] = _scan_by_hand(ctx, i)
        begun.clear()
        torch.testing.assert_close(got, torch.tensor(reference), rtol=1e-5, atol=1e-5)


def _block_by_hand(ctx: StepContext, i: int) -> list[float]:
    block = _proprioception_by_hand(ctx, i)
    block[6] = block[7] = 0.0  # both yaws: after rates (3), roll and pitch (2) and a reserved 0
    return block


@pytest.mark.parametrize("length", [10, 3, 1])
def test_history_is_what_came_before(length: int) -> None:
    num_envs = 4
    group = _make("proprioception_history", num_envs, length=length)
    past: list[list[list[float]]] = [[] for _ in range(num_envs)]
    resets = {4: [1], 5: [1, 2], 17: [0, 1, 2, 3], 18: [3]}
    for step in range(25):
        ctx = random_context(num_envs, seed=200 + step)
        if step in resets:
            group.reset(torch.tensor(resets[step]))
            for i in resets[step]:
                past[i] = []
        expected = []
        for i in range(num_envs):
            block = _block_by_hand(ctx, i)
            if not past[i]:
                past[i] = [block] * length
            expected.append([number for old in past[i][-length:] for number in old])
            past[i].append(block)
        torch.testing.assert_close(group(ctx), torch.tensor(expected))


def test_history_holds_the_blocks_that_proprioception_gave() -> None:
    now, past = _make("proprioception", 3), _make("proprioception_history", 3)
    blocks = []
    for step in range(12):
        ctx = random_context(3, seed=step)
        history = past(ctx).reshape(3, 10, 53)
        if step > 10:
            kept = [j for j in range(53) if j not in (6, 7)]
            assert torch.equal(history[..., kept], torch.stack(blocks[-10:], dim=1)[..., kept])
            assert not history[..., 6:8].any()
        blocks.append(now(ctx))


@pytest.mark.parametrize("changes", [{}, {"contact_force": 30.0}], ids=["the same", "of another force"])
def test_a_history_reads_its_source_only_where_that_is_what_it_would_read(changes: dict[str, float]) -> None:
    """In a set of groups it is the same as by itself, to the last bit; what its source did is not done again."""
    now, past, alone = _make("proprioception", 3), *(_make("proprioception_history", 3, **changes) for _ in range(2))
    groups = ObservationSet({"proprioception": ClippedGroup(now, 100.0), "past": ClippedGroup(past, 100.0)})
    assert past.shares(now) == (not changes)
    for step in range(12):
        ctx = random_context(3, seed=step)
        assert torch.equal(groups.compute(ctx)["past"], alone(ctx).clamp(-100.0, 100.0))


def test_a_broken_state_leaves_no_trace_after_the_reset() -> None:
    ctx = random_context(2, seed=0)
    ctx.robot.joint_pos[0] = math.nan
    ctx.robot.base_pos[0] = math.nan
    groups = [_make("proprioception_history", 2), _make("height_scan", 2)]
    for group in groups:
        group(ctx)
        group.reset(torch.tensor([0]))
        assert torch.isfinite(group(random_context(2, seed=1))).all()
