"""Contracts that can be checked before a simulator starts: can every component be called as it will be?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from parkour.errors import PluginError, TaskError
from parkour.specs import EncoderSpec, Kind, MetricSpec, ObservationSpec, PolicySpec
from parkour.tasks.resolved import ResolvedComponent, ResolvedTask

_STATEFUL = ("num_envs", "device", "layout")


@dataclass(frozen=True)
class _Call:
    """How targets of a kind are called."""

    arguments: tuple[str, ...]
    methods: tuple[str, ...] = ()
    """Of what comes of it."""
    params: bool = True
    """Whether parameters come besides, as keyword arguments."""


_CALLS: dict[Kind, _Call] = {
    "terrain": _Call(("difficulty", "rng", "params"), params=False),
    "modifier": _Call(("num_envs", "device", "fields"), ("__call__", "reset")),
    "event": _Call(("sim", "env_ids")),
    "command_term": _Call(("num_envs", "device", "step_dt"), ("update",)),
    "encoder": _Call(("input_shape", "latent_dim")),
    "policy": _Call(("task",), params=False),
    "engine": _Call((), ("availability", "make_env"), params=False),
    "robot_link": _Call(("context",), ("open", "open_limp", "receive", "send", "disturbed", "close"), params=False),
    "depth_source": _Call(("context",), ("open", "newest", "close"), params=False),
    "export_target": _Call((), ("write",)),
    "logger": _Call(("context",), ("on_iteration", "close"), params=False),
    "callback": _Call((), ("on_start", "on_iteration", "on_checkpoint", "on_end")),
}
"""Of kinds whose targets are all called in one way. Tasks, robots, degradations and protocols are data: models of tasks
and robots say what is wrong with them; a command is called by Typer, which says it as well."""


def check_task(task: ResolvedTask) -> None:
    """Check that every component of a task accepts the arguments of its contract, and that policy and task fit.

    Raises:
        PluginError: a component that does not; names it, what was got and what was expected.
        TaskError: the policy is for another stage, or an encoder for another input.
    """
    groups = (task.terrains, task.rewards, task.terminations, task.observations, *task.modifiers.values(), task.events)
    for component in (component for group in (*groups, task.encoders) for component in group.values()):
        check_interface(component)
    check_interface(task.policy)
    for command in (task.command, *task.commands.values()):
        if command is not None:
            check_interface(command)
    if task.curriculum is not None:
        check_interface(task.curriculum)
    _check_policy(task)


def check_interface(component: ResolvedComponent) -> None:
    """Check that a component accepts the arguments of its kind's contract, and has the methods.

    Raises:
        PluginError: it does not.
    """
    kind = component.spec.kind
    if kind in _OWN_CHECKS:
        _OWN_CHECKS[kind](component)
    elif kind in _CALLS:
        call = _CALLS[kind]
        _accepts(component, call.arguments, component.kwargs if call.params else {})
        _has_methods(component, call.methods)


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


def _check_observation(component: ResolvedComponent) -> None:
    """A class that is given the sensors that its spec asks for."""
    needs = component.spec.needs if isinstance(component.spec, ObservationSpec) else ()
    _accepts(component, _STATEFUL, {**dict.fromkeys(needs), **component.kwargs})
    _has_methods(component, ("layout", "__call__", "reset"))


def _check_curriculum(component: ResolvedComponent) -> None:
    """A function of the episodes that ended, or a class with a memory, called with the same."""
    if inspect.isclass(component.target):
        _accepts(component, ("num_envs", "device"), component.kwargs)
        _has_methods(component, ("__call__",))
    else:
        _accepts(component, ("ended",), component.kwargs)


def _check_metric(component: ResolvedComponent) -> None:
    """Per step a term, as rewards are; per episode a function of the table."""
    if isinstance(component.spec, MetricSpec) and component.spec.per == "episode":
        _accepts(component, ("table",), component.kwargs)
    else:
        _check_term(component)


_OWN_CHECKS: dict[Kind, Callable[[ResolvedComponent], None]] = {
    "reward": _check_term,
    "termination": _check_term,
    "observation": _check_observation,
    "metric": _check_metric,
    "curriculum": _check_curriculum,
}
"""Of kinds whose targets are called in more than one way."""


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
