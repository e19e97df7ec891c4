"""Checks of command terms: episodes of a few robots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from parkour.testing.subject import CheckFailed, Subject, expect

ROBOTS, STEPS, STEP_DT = 64, 600, 0.02
_EPISODE = 250
"""Control steps of the robots' episodes."""


def _make(subject: Subject, num_envs: int = ROBOTS, device: str = "cpu") -> Any:
    return subject.target(num_envs, device, STEP_DT, **subject.kwargs)


def _run(subject: Subject, seed: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Each step's episode steps and values, of robots whose episodes begin one after the other."""
    torch.manual_seed(seed)
    term, start = _make(subject), torch.arange(ROBOTS)
    for step in range(STEPS):
        episode_step = (step + start) % _EPISODE
        term.update(episode_step)
        yield episode_step, term.value


def one_number_each(subject: Subject) -> str:
    """It asks every robot for one finite number at every step."""
    low, high = float("inf"), float("-inf")
    for episode_step, value in _run(subject):
        if not isinstance(value, Tensor) or tuple(value.shape) != (ROBOTS,) or value.dtype != torch.float32:
            got = f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise CheckFailed(f"value is {got}, expected torch.float32 ({ROBOTS},)")
        expect(bool(value.isfinite().all()), f"NaN or infinite at episode steps {episode_step[~value.isfinite()]}")
        low, high = min(low, float(value.min())), max(high, float(value.max()))
    return f"{low:.3g} to {high:.3g}"


def deterministic(subject: Subject) -> str:
    """One seed gives one sequence of commands."""
    first, again = ([value for _, value in _run(subject)] for _ in range(2))
    same = all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    expect(same, "two runs with the same seed differ")
    return f"{STEPS} steps twice"


def replaces_its_value(subject: Subject) -> str:
    """What it asked for is not changed in place: whoever kept it has it still."""
    kept = [(value, value.clone()) for _, value in _run(subject)]
    expect(all(torch.equal(value, copy) for value, copy in kept), "value is changed in place: make a new tensor of it")
    return f"{STEPS} steps"


def waits_for_nothing(subject: Subject) -> str:
    """It reads no value back from the device and mixes no devices."""
    term = _make(subject, 8, "meta")
    term.update(torch.zeros(8, dtype=torch.int64, device="meta"))
    expect(term.value.device.type == "meta", f"its value is on {term.value.device}, expected the device of the steps")
    return "on tensors without values"


CHECKS = (one_number_each, deterministic, replaces_its_value, waits_for_nothing)
