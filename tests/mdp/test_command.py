"""The commanded speed: range, resampling, dead band."""

from __future__ import annotations

from typing import Literal

import torch

from parkour.mdp.command import CommandSet
from parkour_command_terms.uniform import ForwardSpeed, UniformCommand


def command(resample: float | Literal["never"] = 6.0, speed: tuple[float, float] = (0.3, 0.8)) -> ForwardSpeed:
    torch.manual_seed(0)
    return ForwardSpeed(2000, "cpu", 0.02, speed=speed, resample=resample, deadband=0.2)


def test_draws_fill_the_range() -> None:
    drawn = command().value
    assert drawn.min() >= 0.3 and drawn.max() <= 0.8
    assert abs(float(drawn.mean()) - 0.55) < 0.02


def test_speeds_below_the_dead_band_are_zero() -> None:
    drawn = command(speed=(0.0, 0.4)).value
    assert ((drawn == 0) | (drawn >= 0.2)).all()
    assert 0.4 < float((drawn == 0).float().mean()) < 0.6


def test_only_environments_that_are_due_change() -> None:
    speeds = command()
    before = speeds.value.clone()
    step = torch.full((2000,), 7)
    step[:10], step[10:20], step[20:30] = 0, 300, 600
    speeds.update(step)
    changed = speeds.value != before
    assert changed[:30].all() and not changed[30:].any()


def test_never_resampled_within_an_episode() -> None:
    speeds = command(resample="never")
    before = speeds.value.clone()
    speeds.update(torch.full((2000,), 300))
    assert torch.equal(speeds.value, before)
    speeds.update(torch.zeros(2000, dtype=torch.long))
    assert not torch.equal(speeds.value, before)


def test_a_dead_band_lies_on_both_sides_of_0() -> None:
    torch.manual_seed(0)
    drawn = UniformCommand(2000, "cpu", 0.02, range=(-0.4, 0.4), resample="never", deadband=0.2).value
    assert ((drawn == 0) | (drawn.abs() >= 0.2)).all() and drawn.min() < -0.2 and drawn.max() > 0.2


def test_the_forward_speed_is_the_same_whatever_else_is_commanded() -> None:
    alone = CommandSet(command())
    others = CommandSet(command(), {"turn": UniformCommand(2000, "cpu", 0.02, range=(-1, 1), resample=6.0, deadband=0)})
    assert torch.equal(alone.speed, others.speed) and set(others.values) == {"turn"}


def test_a_speed_that_is_held_stays() -> None:
    commands = CommandSet(command())
    commands.hold(0.1)
    commands.update(torch.zeros(2000, dtype=torch.long))
    assert (commands.speed == 0.1).all()
