"""When episodes end, by hand and at the thresholds."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from parkour.mdp.context import StepContext
from parkour.mdp.twins import TwinContext
from parkour_rewards.plugin import register_terminations
from parkour_rewards.termination_twins import WayPointBehind as TwinBehind
from parkour_rewards.terminations import WayPointBehind
from tests.components import load, parameters
from tests.contexts import random_context

SPECS = {spec.name: spec for spec in register_terminations()}

BY_HAND: dict[str, Callable[[StepContext, int], bool]] = {
    "course_completed": lambda ctx, i: ctx.goals.index[i].item() == 8,
    "time_out": lambda ctx, i: ctx.episode_step[i].item() * 0.02 >= 20.0,
    "bad_orientation": lambda ctx, i: abs(ctx.robot.roll[i].item()) > 1.5 or abs(ctx.robot.pitch[i].item()) > 1.5,
    "base_too_low": lambda ctx, i: ctx.robot.base_pos[i, 2].item() < -0.25,
}
"""But for those with a memory."""


def _evaluate(name: str, ctx: StepContext) -> torch.Tensor:
    return load(SPECS[name].target)(ctx, **parameters(SPECS[name]))


def test_the_terms_are_those_of_the_teacher_and_all_are_computed_by_hand() -> None:
    task = tomllib.loads((files("parkour_tasks") / "go2_teacher.toml").read_text())
    assert set(SPECS) == set(task["terminations"]) == {*BY_HAND, "way_point_behind"}


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_term_equals_the_computation_by_hand(name: str) -> None:
    ctx = random_context(512, seed=5)
    got = _evaluate(name, ctx)
    assert got.dtype == torch.bool and got.shape == (512,)
    assert 0 < got.sum() < 512, "the states do not tell this term from a constant"
    assert got.tolist() == [BY_HAND[name](ctx, i) for i in range(512)]


def test_only_success_and_time_out_are_no_failures() -> None:
    outcomes = {name: spec.outcome for name, spec in SPECS.items()}
    assert outcomes == {
        "course_completed": "success",
        "time_out": "time_out",
        "bad_orientation": "failure",
        "base_too_low": "failure",
        "way_point_behind": "failure",
    }


def test_thresholds() -> None:
    ctx = random_context(4, seed=0)
    ctx.robot.roll = torch.tensor([1.49, -1.51, 0.0, 0.0])
    ctx.robot.pitch = torch.tensor([0.0, 0.0, -1.49, 1.51])
    ctx.robot.base_pos[:, 2] = torch.tensor([-0.24, -0.26, 0.3, -3.0])
    ctx.episode_step = torch.tensor([0, 999, 1000, 1001])
    ctx.goals.index = torch.tensor([0, 7, 8, 3])
    ctx.goals.count = torch.tensor([8, 8, 8, 3])
    assert _evaluate("bad_orientation", ctx).tolist() == [False, True, False, True]
    assert _evaluate("base_too_low", ctx).tolist() == [False, True, False, True]
    assert _evaluate("time_out", ctx).tolist() == [False, False, True, True]
    assert _evaluate("course_completed", ctx).tolist() == [False, False, True, True]


def test_whoever_crawls_under_the_lowest_bar_has_not_fallen() -> None:
    ctx = random_context(3, seed=0)
    ctx.robot.base_pos[:, 2] = torch.tensor([0.10, 0.0, -0.26])
    assert _evaluate("base_too_low", ctx).tolist() == [False, False, True]


def test_a_way_point_lies_behind_only_after_a_while_in_one_piece() -> None:
    ctx = random_context(4, seed=0)
    ctx.goals.index = torch.tensor([1, 1, 1, 1])
    ahead = torch.tensor([0.5, 1.0, -1.8, 0.0])
    term, twins = _behind(ctx)
    assert _ends(term, twins, ctx, ahead) == [False] * 4
    # One turns back in time; one is reset, and then has seen nothing ahead; one goes on; one reaches its way point, and
    # the next lies behind it.
    for step in range(12):
        if step == 3:
            term.reset(torch.tensor([1]))
            twins[1].reset()
            ctx.goals.index = torch.tensor([1, 1, 1, 2])
        ends = _ends(term, twins, ctx, torch.tensor([2.5 if step != 4 else 1.0, -2.0, -3.1, 3.0]))
        for_long = [
            step - 4 if step >= 4 else step + 1,
            step + 1 if step < 3 else 0,
            step + 1,
            0 if step >= 3 else step + 1,
        ]
        assert ends == [count * ctx.step_dt > 0.1 + 1e-6 for count in for_long], step
    assert _ends(term, twins, ctx, ahead) == [False] * 4
    behind = [_ends(term, twins, ctx, torch.full((4,), 2.0)) for _ in range(6)]
    assert behind[-1] == [True] * 4
    term.reset(torch.tensor([True, False, True, False]))
    assert term(ctx).tolist() == [False, True, False, True]


def test_a_course_that_turns_back_ends_nobody() -> None:
    ctx = random_context(1, seed=0)
    term, twins = _behind(ctx)
    for step in range(40):
        ctx.goals.index = torch.tensor([step // 10])
        assert _ends(term, twins, ctx, torch.tensor([2.9])) == [False]


def _behind(ctx: StepContext) -> tuple[WayPointBehind, list[TwinBehind]]:
    numbers = {"limit": 1.9, "patience": 0.1}
    term = WayPointBehind(ctx.num_envs, "cpu", ctx.layout, **numbers)
    return term, [TwinBehind(ctx.layout, **numbers) for _ in range(ctx.num_envs)]


def _ends(term: WayPointBehind, twins: list[TwinBehind], ctx: StepContext, yaw: torch.Tensor) -> list[bool]:
    """Of both, which are the same."""
    ctx.goals.yaw = yaw
    ends = term(ctx).tolist()
    assert ends == [twin(_one(ctx, i)) for i, twin in enumerate(twins)]
    return ends


def _one(ctx: StepContext, i: int) -> TwinContext:
    """What of a state a twin reads here."""
    goals = SimpleNamespace(yaw=ctx.goals.yaw[i].item(), index=ctx.goals.index[i].item())
    return cast("TwinContext", SimpleNamespace(goals=goals, step_dt=ctx.step_dt))
