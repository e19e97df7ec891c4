"""Way points: dwell, order, yaws."""

from __future__ import annotations

import math

import pytest
import torch

from parkour.mdp.goals import GoalTracker, wrap_angle

DT = 0.02
GOALS = torch.tensor([[[1.0, 0.0], [2.0, 1.0], [9.0, 9.0]]])
COUNT = torch.tensor([2])


def tracker() -> GoalTracker:
    return GoalTracker(1, "cpu", radius=0.2, dwell=0.1)


def stay(goals: GoalTracker, x: float, y: float, steps: int) -> int:
    for _ in range(steps):
        goals.advance(torch.tensor([[x, y]]), GOALS, COUNT, DT)
    return int(goals.index)


def test_a_way_point_needs_more_than_the_dwell() -> None:
    goals = tracker()
    assert stay(goals, 1.1, 0.1, 5) == 0  # 0.10 s is not longer than 0.1 s
    assert stay(goals, 1.1, 0.1, 1) == 1


def test_leaving_the_radius_starts_the_dwell_anew() -> None:
    goals = tracker()
    stay(goals, 1.0, 0.0, 5)
    stay(goals, 1.3, 0.0, 1)
    assert stay(goals, 1.0, 0.0, 5) == 0
    assert stay(goals, 1.0, 0.0, 1) == 1


def test_padding_is_no_goal() -> None:
    goals = tracker()
    stay(goals, 1.0, 0.0, 6)
    assert stay(goals, 2.0, 1.0, 6) == 2
    assert stay(goals, 9.0, 9.0, 60) == 2


def test_reset_touches_only_its_environments() -> None:
    goals = GoalTracker(2, "cpu", radius=0.2, dwell=0.1)
    for _ in range(6):
        goals.advance(torch.tensor([[1.0, 0.0]] * 2), GOALS.repeat(2, 1, 1), COUNT.repeat(2), DT)
    goals.reset(torch.tensor([1]))
    assert goals.index.tolist() == [1, 0]


@pytest.mark.parametrize("heading", [-3.1, -1.0, 0.0, 2.0, 3.1])
def test_yaws_are_differences_wrapped_after_subtraction(heading: float) -> None:
    state = tracker().state(torch.tensor([[0.0, 0.5]]), torch.tensor([heading]), GOALS, COUNT)
    for got, (x, y) in ((state.yaw, (1.0, -0.5)), (state.next_yaw, (2.0, 0.5))):
        expected = math.remainder(math.atan2(y, x) - heading, 2 * math.pi)
        assert float(got) == pytest.approx(expected, abs=1e-5)
    norm = math.hypot(1.0, 0.5)
    assert state.direction[0].tolist() == pytest.approx([1 / norm, -0.5 / norm], abs=1e-4)


def test_the_last_way_point_stays_the_target_when_all_are_reached() -> None:
    goals = tracker()
    goals.index[:] = 2
    state = goals.state(torch.tensor([[0.0, 0.0]]), torch.zeros(1), GOALS, COUNT)
    assert float(state.yaw) == pytest.approx(math.atan2(1, 2), abs=1e-6)
    assert float(state.next_yaw) == pytest.approx(math.atan2(1, 2), abs=1e-6)


def test_held_yaws_change_only_where_refreshed() -> None:
    goals = GoalTracker(2, "cpu", radius=0.2, dwell=0.1)
    grid, count = GOALS.repeat(2, 1, 1), COUNT.repeat(2)
    first = goals.state(torch.zeros(2, 2), torch.zeros(2), grid, count)
    goals.hold(first, torch.tensor([True, True]))
    second = goals.state(torch.zeros(2, 2), torch.ones(2), grid, count)
    held = goals.hold(second, torch.tensor([False, True]))
    assert held.yaw.tolist() == pytest.approx([0.0, -1.0])


def test_wrap_angle_range() -> None:
    angles = torch.linspace(-20, 20, 1001)
    wrapped = wrap_angle(angles)
    assert wrapped.min() >= -math.pi - 1e-6 and wrapped.max() <= math.pi + 1e-6
    assert torch.allclose(torch.sin(wrapped), torch.sin(angles), atol=1e-5)
    assert torch.allclose(torch.cos(wrapped), torch.cos(angles), atol=1e-5)
