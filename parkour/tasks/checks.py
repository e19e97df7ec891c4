"""Contracts that can be checked before a simulator starts: can every component be called as it will be?"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from parkour.errors import PluginError, TaskError
from parkour.specs import EncoderSpec, ObservationSpec, PolicySpec
from parkour.tasks.resolve import ResolvedComponent, ResolvedTask

_STATEFUL = ("num_envs", "device", "layout")


def check_task(task: ResolvedTask) -> None:
    """Check that every component of a task accepts the arguments of its contract, and that policy and task fit.

    Raises:
        PluginError: a component that does not; names it, what was got and what was expected.
        TaskError: the policy is for another stage, or an encoder for another input.
    """
    for component in task.terrains.values():
        _accepts(component, ("difficulty", "rng", "params"), {})
    for component in (*task.rewards.values(), *task.terminations.values()):
        _check_term(component)
    for component in task.observations.values():
        needs = component.spec.needs if isinstance(component.spec, ObservationSpec) else ()
        _accepts(component, _STATEFUL, {**dict.fromkeys(needs), **component.kwargs})
        _has_methods(component, ("layout", "__call__", "reset"))
    for group in task.modifiers.values():
        for component in group.values():
            _accepts(component, ("num_envs", "device", "fields"), component.kwargs)
            _has_methods(component, ("__call__", "reset"))
    for component in task.events.values():
        _accepts(component, ("sim", "env_ids"), component.kwargs)
    for component in task.encoders.values():
        _accepts(component, ("input_shape", "latent_dim"), component.kwargs)
    _accepts(task.policy, ("task",), {})
    _check_policy(task)


def _check_policy(task: ResolvedTask) -> None:
    spec = task.policy.spec
    if isinstance(spec, PolicySpec) and spec.stage != task.model.stage:
        raise TaskError(f"policy.use: {task.policy.id} is for the stage {spec.stage!r}, expected {task.model.stage!r}")
    kinds = get_args(get_type_hints(EncoderSpec)["encodes"])
    for key, part in task.encoders.items():
        wanted = key.removesuffix("_encoder")
        if isinstance(part.spec, EncoderSpec) and wanted in kinds and part.spec.encodes != wanted:
            raise TaskError(f"policy.params.{key}: {part.id} encodes {part.spec.encodes!r}, expected {wanted!r}")


def _check_term(component: ResolvedComponent) -> None:
    """A function of the context, or a class with ``__call__(ctx)`` and ``reset(env_ids)``."""
    if inspect.isclass(component.target):
        _accepts(component, _STATEFUL, component.kwargs)
        _has_methods(component, ("__call__", "reset"))
    else:
        _accepts(component, ("ctx",), component.kwargs)


def _accepts(component: ResolvedComponent, positional: tuple[str, ...], keywords: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(component.target)
    except (TypeError, ValueError):
        return  # Built-in callables do not tell.
    try:
        signature.bind(*positional, **keywords)
    except TypeError as error:
        expected = ", ".join((*positional, *keywords))
        raise PluginError(
            f"{component.spec.kind} {component.id!r}: {component.spec.target} takes {signature}, "
            f"expected to be called with ({expected}): {error}",
            hint=f"parkour plugins show {component.id} --kind {component.spec.kind}",
        ) from None


def _has_methods(component: ResolvedComponent, names: tuple[str, ...]) -> None:
    if not inspect.isclass(component.target):
        return  # A factory; what it returns is checked when it is made.
    missing = [name for name in names if not callable(getattr(component.target, name, None))]
    if missing:
        raise PluginError(
            f"{component.spec.kind} {component.id!r}: {component.spec.target} has no method {' and no '.join(missing)}"
        )
