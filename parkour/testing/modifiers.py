"""Checks of modifiers: noise and faults of observation groups."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from parkour.errors import ParkourError
from parkour.specs import ObservationField
from parkour.testing.states import random_context
from parkour.testing.subject import Subject, expect

PIXELS = (ObservationField(name="distance", size=20 * 30, unit="m", limit=2.0),)
"""A small depth picture, which is what faults of cameras expect."""
NUMBERS = (ObservationField(name="rate", size=3, scale=0.25, unit="rad/s"), ObservationField(name="angle", size=1))
"""Some numbers without a limit."""
ROWS = ([0, 1, 2, 3], [2], [], [3, 0])
"""Whose measurements are new, one call after the other."""


def inputs(subject: Subject) -> list[tuple[str, tuple[ObservationField, ...], Tensor]]:
    """What the modifier is applied to: name, fields, values of four environments. It may refuse what does not fit it.

    Raises:
        CheckFailed: it refuses everything.
    """
    fitting, refusals = [], []
    for what, fields, values in _inputs():
        try:
            make_modifier(subject, fields)
            fitting.append((what, fields, values))
        except ParkourError as error:
            refusals.append(error.message)
    expect(fitting, f"it takes neither a depth picture nor plain numbers: {'; '.join(refusals)}")
    return fitting


def _inputs() -> list[tuple[str, tuple[ObservationField, ...], Tensor]]:
    picture = torch.full((4, 20, 30), 1.6)
    picture[:, 8:14, 10:18], picture[:, :4] = 0.8, 2.0
    rng = torch.Generator().manual_seed(0)
    return [("a picture", PIXELS, picture), ("numbers", NUMBERS, torch.randn(4, 4, generator=rng))]


def make_modifier(subject: Subject, fields: tuple[ObservationField, ...], device: str = "cpu") -> Any:
    """The modifier for four environments."""
    return subject.target(4, device, fields, **subject.kwargs)


def keeps_shape_and_input(subject: Subject) -> str:
    """It returns finite numbers of the same shape and changes nothing in place."""
    torch.manual_seed(0)
    ctx, changed = random_context(4, seed=0), 0.0
    for what, fields, values in inputs(subject):
        modifier = make_modifier(subject, fields)
        for rows in ROWS:
            ids = torch.tensor(rows, dtype=torch.int64)
            given = values[ids]
            kept = given.clone()
            got = modifier(given, ctx, ids)
            expect(got.shape == kept.shape, f"shape {tuple(kept.shape)} became {tuple(got.shape)} on {what}")
            expect(got.dtype == kept.dtype, f"float32 became {got.dtype} on {what}")
            expect(torch.isfinite(got).all(), f"NaN or infinity on {what}")
            expect(torch.equal(given, kept), f"it changed its input in place on {what}")
            changed = max(changed, float((got - kept).abs().max()) if got.numel() else 0.0)
            modifier.reset(ids[:1])
    return f"on {' and '.join(what for what, _, _ in inputs(subject))}; changes values by up to {changed:.3g}"


def draws_from_torch(subject: Subject) -> str:
    """One seed of torch gives one draw."""
    ctx, ids = random_context(4, seed=0), torch.arange(4)
    for what, fields, values in inputs(subject):
        drawn = []
        for _ in range(2):
            torch.manual_seed(1)
            drawn.append(make_modifier(subject, fields)(values, ctx, ids))
        expect(torch.equal(*drawn), f"two runs with one seed differ on {what}: draw with torch alone")
    return "two runs"


def waits_for_nothing(subject: Subject) -> str:
    """It reads no value back from the device and mixes no devices."""
    ctx = random_context(4, seed=0, device="meta")
    for what, fields, values in inputs(subject):
        modifier = make_modifier(subject, fields, device="meta")
        for count in (4, 2):
            ids = torch.zeros(count, dtype=torch.int64, device="meta")
            got = modifier(values[:count].to("meta"), ctx, ids)
            expect(got.device.type == "meta", f"its result is on {got.device} on {what}")
            modifier.reset(ids)
    return "on tensors without values"


def forgets(subject: Subject) -> str:
    """A reset takes environments by index and by mask."""
    ctx, ids = random_context(4, seed=0), torch.arange(4)
    for what, fields, values in inputs(subject):
        shown = []
        for which in (torch.tensor([1, 2]), torch.tensor([False, True, True, False])):
            torch.manual_seed(1)
            modifier, last = make_modifier(subject, fields), values
            for step in range(4):
                last = modifier(values + 0.1 * step, ctx, ids)
                modifier.reset(which)
            shown.append(last)
        expect(torch.equal(*shown), f"a reset by mask does something else than one by index on {what}")
    return "four measurements"


def survives_inference_mode(subject: Subject) -> str:
    """It works when rollouts in inference mode come before other steps."""
    ctx, ids = random_context(4, seed=0), torch.arange(4)
    for _, fields, values in inputs(subject):
        modifier = make_modifier(subject, fields)
        with torch.inference_mode():
            modifier(values, ctx, ids)
            modifier(values[:1], ctx, ids[2:3])
        modifier.reset(ids[1:2])
        modifier(values, ctx, ids)
    return "one after the other"


CHECKS = (keeps_shape_and_input, draws_from_torch, waits_for_nothing, forgets, survives_inference_mode)
