"""Checks of metrics: those found per step on states, as rewards are, those found per episode on made-up episodes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from parkour.evaluation.metrics import Metric, Pooled, StepMetric, load_metric
from parkour.specs import MetricSpec
from parkour.testing import terms
from parkour.testing.episodes import random_episodes
from parkour.testing.states import GO2, random_context
from parkour.testing.subject import CheckFailed, DoesNotApply, Subject, expect

EPISODES = 50


def _metric(subject: Subject) -> Metric:
    return load_metric(subject.registered, subject.registry)


def _only(subject: Subject, per: str) -> None:
    assert isinstance(subject.spec, MetricSpec)
    if subject.spec.per != per:
        raise DoesNotApply(f"it is found per {subject.spec.per}")


def one_number_each(subject: Subject) -> str:
    """It returns one finite number per environment at every step, or per episode."""
    assert isinstance(subject.spec, MetricSpec)
    if subject.spec.per == "step":
        for where, contexts in terms.states():
            term = terms.make_term(subject, contexts[0].num_envs, contexts[0].layout)
            for ctx in contexts:
                value = term(ctx)
                if not isinstance(value, Tensor) or tuple(value.shape) != (ctx.num_envs,):
                    got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
                    raise CheckFailed(f"returned {got}, expected a tensor ({ctx.num_envs},) on {where}")
                bad = int((~value.double().isfinite()).sum())
                expect(bad == 0, f"{bad} of {ctx.num_envs} numbers are NaN or infinite on {where}")
        return "on recorded and random states"
    for count in (0, EPISODES):
        found = _metric(subject).of(random_episodes(count))
        for part in (found.sums, found.squares, found.counts) if isinstance(found, Pooled) else (found,):
            bad = int((~np.isfinite(part.astype(float))).sum())
            expect(bad == 0, f"{bad} of {count} numbers are NaN or infinite")
    return f"of {EPISODES} episodes, and of none"


def deterministic(subject: Subject) -> str:
    """The same states or episodes give the same numbers."""
    assert isinstance(subject.spec, MetricSpec)
    if subject.spec.per == "step":
        return terms.deterministic(subject)
    first, again = (_metric(subject).of(random_episodes(EPISODES)) for _ in range(2))
    a, b = (found.means if isinstance(found, Pooled) else found for found in (first, again))
    expect(np.array_equal(a, b), "two calls with the same episodes differ")
    return "two calls"


def leaves_the_state(subject: Subject) -> str:
    """It leaves states, or episodes, as they were."""
    assert isinstance(subject.spec, MetricSpec)
    if subject.spec.per == "step":
        return terms.leaves_the_state(subject)
    table, kept = random_episodes(EPISODES), random_episodes(EPISODES)
    _metric(subject).of(table)
    for name, column in table.values.items():
        expect(np.array_equal(column, kept.values[name]), f"it changed the column {name} in place")
    return "all columns"


def waits_for_nothing(subject: Subject) -> str:
    """Per step: it reads no value back from the device and mixes no devices."""
    _only(subject, "step")
    return terms.waits_for_nothing(subject)


def forgets(subject: Subject) -> str:
    """Per step: a reset forgets the environments that it is given, and no others."""
    _only(subject, "step")
    return terms.forgets(subject)


def becomes_a_number(subject: Subject) -> str:
    """Per step: what an episode's steps come to is finite, of a single step too."""
    _only(subject, "step")
    metric = StepMetric(_metric(subject), 8, "cpu", GO2)
    shown = []
    for steps in (1, 5):
        for seed in range(steps):
            metric.add(random_context(8, seed))
        numbers = metric.numbers(torch.full((8,), steps))
        expect(bool(numbers.isfinite().all()), f"after {steps} steps it is NaN or infinite")
        shown = [f"{numbers.min():.3g} to {numbers.max():.3g} of {steps} random steps"]
        metric.reset(numbers.isfinite())
    return "".join(shown)


CHECKS = (one_number_each, deterministic, leaves_the_state, waits_for_nothing, forgets, becomes_a_number)
