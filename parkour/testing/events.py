"""Checks of events."""

from __future__ import annotations

import torch
from torch import Tensor

from parkour.specs import EventSpec
from parkour.testing.sim import UNTOUCHED, RecordingSim
from parkour.testing.subject import Subject, expect

STARTUP_ONLY = ("mass", "com")


def run_event(subject: Subject, sim: RecordingSim, env_ids: Tensor) -> dict[str, Tensor]:
    """Runs the event; returns what was set, by name."""
    subject.target(sim, env_ids, **subject.kwargs)
    return sim.touched()


def sets_only_what_it_is_given(subject: Subject) -> str:
    """It changes the environments that it is given and no others."""
    torch.manual_seed(0)
    given = torch.tensor([9, 2, 5])
    changed = run_event(subject, RecordingSim(12), given)
    others = [i for i in range(12) if i not in given]
    for name, value in changed.items():
        expect((value[others] == UNTOUCHED).all(), f"it changed {name} of environments that it was not given")
        expect((value[given] != UNTOUCHED).all(), f"it left {name} of environments that it was given")
        expect(torch.isfinite(value[given]).all(), f"it set {name} to NaN or infinity")
    return f"sets {', '.join(changed) or 'nothing'}"


def bears_nobody(subject: Subject) -> str:
    """No environment at all is no error."""
    changed = run_event(subject, RecordingSim(4), torch.zeros(0, dtype=torch.int64))
    expect(not changed, "it changed environments though it was given none")
    return "an empty list"


def draws_from_torch(subject: Subject) -> str:
    """One seed of torch gives one draw."""
    drawn = []
    for _ in range(2):
        torch.manual_seed(1)
        drawn.append(run_event(subject, RecordingSim(8), torch.arange(8)))
    same = all(torch.equal(drawn[0][key], drawn[1][key]) for key in drawn[0])
    expect(same and drawn[0].keys() == drawn[1].keys(), "two runs with one seed differ: draw with torch alone")
    return "two runs"


def waits_for_nothing(subject: Subject) -> str:
    """It reads no value back from the device and mixes no devices."""
    run_event(subject, RecordingSim(8, device="meta"), torch.arange(3, device="meta"))
    return "on tensors without values"


def fits_its_mode(subject: Subject) -> str:
    """It sets at reset or at intervals nothing that is fixed at startup."""
    assert isinstance(subject.spec, EventSpec)
    fixed = set(run_event(subject, RecordingSim(4), torch.arange(4))) & set(STARTUP_ONLY)
    modes = subject.spec.mode, *subject.spec.other_modes
    late = [mode for mode in modes if mode != "startup"]
    expect(not (late and fixed), f"it sets {', '.join(fixed)} in mode {late}, possible at startup only")
    return f"mode {' or '.join(modes)}"


CHECKS = (sets_only_what_it_is_given, bears_nobody, draws_from_torch, waits_for_nothing, fits_its_mode)
