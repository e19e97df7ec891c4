"""The commanded speed: range, resampling, dead band."""

from __future__ import annotations

import torch

from parkour.mdp.command import SpeedCommand


def command(resample: int | None = 300, speed: tuple[float, float] = (0.3, 0.8)) -> SpeedCommand:
    torch.manual_seed(0)
    return SpeedCommand(2000, "cpu", speed=speed, resample_steps=resample, deadband=0.2)


def test_draws_fill_the_range() -> None:
    drawn = command().speed
    assert drawn.min() >= 0.3 and drawn.max() <= 0.8
    assert abs(float(drawn.mean()) - 0.55) < 0.02


def test_speeds_below_the_dead_band_are_zero() -> None:
    drawn = command(speed=(0.0, 0.4)).speed
    assert ((drawn == 0) | (drawn >= 0.2)).all()
    assert 0.4 < float((drawn == 0).float().mean()) < 0.6


def test_only_environments_that_are_due_change() -> None:
    speeds = command()
    before = speeds.speed.clone()
    step = torch.full((2000,), 7)
    step[:10], step[10:20], step[20:30] = 0, 300, 600
    speeds.update(step)
    changed = speeds.speed != before
    assert changed[:30].all() and not changed[30:].any()


def test_never_resampled_within_an_episode() -> None:
    speeds = command(resample=None)
    before = speeds.speed.clone()
    speeds.update(torch.full((2000,), 300))
    assert torch.equal(speeds.speed, before)
    speeds.update(torch.zeros(2000, dtype=torch.long))
    assert not torch.equal(speeds.speed, before)
