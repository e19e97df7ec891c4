"""Checks of rewards and terminations, on recorded states and on random ones."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from parkour.mdp.context import StepContext
from parkour.mdp.robot import RobotLayout
from parkour.testing.compiling import check_compiles, check_one_graph
from parkour.testing.recorded import recorded_moments
from parkour.testing.states import GO2, random_context
from parkour.testing.subject import CheckFailed, DoesNotApply, NotChecked, Subject, expect
from parkour.testing.twins import check_twin

RANDOM = (64, 3)
"""Environments of each random state, and how many states."""


def make_term(
    subject: Subject, num_envs: int, layout: RobotLayout = GO2, device: str = "cpu"
) -> Callable[[StepContext], Tensor]:
    """The term as a task makes it: a class once, a function as it is."""
    if inspect.isclass(subject.target):
        make: Any = subject.target
        return make(num_envs, device, layout, **subject.kwargs)
    # Before, not inside, what torch is asked to compile.
    target, kwargs = subject.target, subject.kwargs
    return lambda ctx: target(ctx, **kwargs)


def states() -> Iterator[tuple[str, list[StepContext]]]:
    """Sequences of states, each with where it comes from."""
    yield "recorded states", [moment.acted for moment in recorded_moments()]
    count, seeds = RANDOM
    yield "random states", [random_context(count, seed) for seed in range(seeds)]


def _run(subject: Subject, contexts: list[StepContext], seed: int = 0) -> list[Tensor]:
    torch.manual_seed(seed)
    with torch.no_grad():
        term = make_term(subject, contexts[0].num_envs, contexts[0].layout)
        return [term(ctx) for ctx in contexts]


def one_number_each(subject: Subject) -> str:
    """It returns one number per environment, of the right type."""
    boolean = subject.spec.kind == "termination"
    for where, contexts in states():
        for ctx, value in zip(contexts, _run(subject, contexts), strict=True):
            if not isinstance(value, Tensor):
                raise CheckFailed(f"returned a {type(value).__name__}, expected a tensor")
            expect(
                tuple(value.shape) == (ctx.num_envs,),
                f"returned shape {tuple(value.shape)}, expected ({ctx.num_envs},) on {where}",
            )
            right = value.dtype == torch.bool if boolean else value.dtype == torch.float32
            expected = torch.bool if boolean else torch.float32
            expect(right, f"returned {value.dtype}, expected {expected}")
    return f"{'bool' if boolean else 'float32'}, one for each environment"


def finite(subject: Subject) -> str:
    """It is finite on every state."""
    if subject.spec.kind == "termination":
        raise DoesNotApply("booleans are")
    said = []
    for where, contexts in states():
        values = torch.stack([value.float() for value in _run(subject, contexts)])
        bad = int((~torch.isfinite(values)).sum())
        expect(bad == 0, f"{bad} of {values.numel()} numbers are NaN or infinite on {where}")
        if where.startswith("recorded"):
            said = [f"{values.min():.3g} to {values.max():.3g}, mean {values.mean():.3g}, on {where}"]
    return "".join(said)


def deterministic(subject: Subject) -> str:
    """The same states give the same numbers, whatever the seed."""
    for where, contexts in states():
        first, again = _run(subject, contexts, seed=1), _run(subject, contexts, seed=2)
        same = all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        expect(same, f"two runs over the same {where} differ")
    return "two runs"


def leaves_the_state(subject: Subject) -> str:
    """It leaves the state as it was."""
    ctx = random_context(8, seed=4)
    before = copy.deepcopy(ctx)
    _run(subject, [ctx])
    for name, value, kept in _tensors(ctx, before):
        expect(torch.equal(value, kept), f"it changed {name} in place")
    return "all fields"


def _tensors(ctx: Any, kept: Any, path: str = "ctx") -> Iterator[tuple[str, Tensor, Tensor]]:
    for field in dataclasses.fields(ctx):
        value, other, name = getattr(ctx, field.name), getattr(kept, field.name), f"{path}.{field.name}"
        if isinstance(value, Tensor):
            yield name, value, other
        elif dataclasses.is_dataclass(value) and not isinstance(value, RobotLayout):
            yield from _tensors(value, other, name)


def waits_for_nothing(subject: Subject) -> str:
    """It reads no value back from the device and mixes no devices."""
    # Tensors on the meta device have no values: reading one, or mixing in a tensor of the host, raises.
    term = make_term(subject, 8, device="meta")
    value = term(random_context(8, seed=3, device="meta"))
    expect(value.device.type == "meta", f"its result is on {value.device}, expected the device of the state")
    return "on tensors without values"


def forgets(subject: Subject) -> str:
    """A reset forgets the environments that it is given, and no others."""
    if not inspect.isclass(subject.target):
        raise DoesNotApply("a function remembers nothing")
    contexts = [random_context(4, seed) for seed in range(8)]
    before, after = contexts[:5], contexts[5:]
    with torch.no_grad():
        used, masked, fresh, undisturbed = (make_term(subject, 4) for _ in range(4))
        for ctx in before:
            for term in (used, masked, undisturbed):
                term(ctx)
        used.reset(torch.tensor([1, 3]))  # type: ignore[attr-defined]
        masked.reset(torch.tensor([False, True, False, True]))  # type: ignore[attr-defined]
        for ctx in after:
            got, same, new, old = used(ctx), masked(ctx), fresh(ctx), undisturbed(ctx)
            expect(torch.equal(got, same), "a reset by mask does something else than one by index")
            expect(torch.equal(got[[1, 3]], new[[1, 3]]), "environments that were reset remember what was before")
            expect(torch.equal(got[[0, 2]], old[[0, 2]]), "environments that were not reset have forgotten")
    return "by index and by mask, against a fresh one"


def agrees_with_its_twin(subject: Subject) -> str:
    """Its numpy twin says the same, and imports no torch."""
    moments = recorded_moments()
    contexts = [moment.acted for moment in moments]
    return check_twin(subject, contexts, _run(subject, contexts), [moment.ended for moment in moments])


def one_graph(subject: Subject) -> str:
    """It compiles into one graph."""
    ctx = random_context(8, seed=3)
    return check_one_graph(make_term(subject, 8), make_term(subject, 8), ctx)


def compiles(subject: Subject) -> str:
    """The compiled term gives the same numbers."""
    if not subject.options.compile:
        raise NotChecked("left out; --compile, or CheckOptions(compile=True)")
    return check_compiles(make_term(subject, 8), make_term(subject, 8), random_context(8, seed=3))


CHECKS = (
    one_number_each, finite, deterministic, leaves_the_state, waits_for_nothing, forgets, agrees_with_its_twin,
    one_graph, compiles,
)  # fmt: skip
