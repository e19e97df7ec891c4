"""Contracts that can be checked before a simulator starts: can every component be called as it will be?"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from parkour.errors import PluginError, TaskError
from parkour.specs import EncoderSpec, MetricSpec, ObservationSpec, PolicySpec
from parkour.tasks.resolved import ResolvedComponent, ResolvedTask

_STATEFUL = ("num_envs", "device", "layout")


def check_task(task: ResolvedTask) -> None:
    """Check that every component of a task accepts the arguments of its contract, and that policy and task fit.

    Raises:
        PluginError: a component that does not; names it, what was got and what was expected.
        TaskError: the policy is for another stage, or an encoder for another input.
    """
    groups = (task.terrains, task.rewards, task.terminations, task.observations, *task.modifiers.values(), task.events)
    for component in (component for group in (*groups, task.encoders) for component in group.values()):
        check_component(component)
    check_component(task.policy)
    for command in (task.command, *task.commands.values()):
        if command is not None:
            check_component(command)
    if task.curriculum is not None:
        check_component(task.curriculum)
    _check_policy(task)


def check_component(component: ResolvedComponent) -> None:
    """Check that a component accepts the arguments of its kind's contract, and has the methods.

    Raises:
        PluginError: it does not.
    """
    spec = component.spec
    match spec.kind:
        case "terrain":
            _accepts(component, ("difficulty", "rng", "params"), {})
        case "reward" | "termination":
            _check_term(component)
        case "observation":
            needs = spec.needs if isinstance(spec, ObservationSpec) else ()
            _accepts(component, _STATEFUL, {**dict.fromkeys(needs), **component.kwargs})
            _has_methods(component, ("layout", "__call__", "reset"))
        case "modifier":
            _accepts(component, ("num_envs", "device", "fields"), component.kwargs)
            _has_methods(component, ("__call__", "reset"))
        case "event":
            _accepts(component, ("sim", "env_ids"), component.kwargs)
        case "encoder":
            _accepts(component, ("input_shape", "latent_dim"), component.kwargs)
        case "policy":
            _accepts(component, ("task",), {})
        case "engine":
            _accepts(component, (), {})
            _has_methods(component, ("availability", "make_env"))
        case "task" | "robot":
            pass  # Data; the models of tasks and robots say what is wrong with them.
        case "degradation":
            pass  # Data; laid on a task it is checked as that is.
        case "robot_link":
            _accepts(component, ("context",), {})
            _has_methods(component, ("open", "open_limp", "receive", "send", "disturbed", "close"))
        case "depth_source":
            _accepts(component, ("context",), {})
            _has_methods(component, ("open", "newest", "close"))
        case "export_target":
            _accepts(component, (), component.kwargs)
            _has_methods(component, ("write",))
        case "metric":
            _check_metric(component)
        case "protocol":
            pass  # Data; laid on a task it is checked as that is.
        case "logger":
            _accepts(component, ("context",), {})
            _has_methods(component, ("on_iteration", "close"))
        case "callback":
            _accepts(component, (), component.kwargs)
            _has_methods(component, ("on_start", "on_iteration", "on_checkpoint", "on_end"))
        case "curriculum":
            if inspect.isclass(component.target):
                _accepts(component, ("num_envs", "device"), component.kwargs)
                _has_methods(component, ("__call__",))
            else:
                _accepts(component, ("ended",), component.kwargs)
        case "command_term":
            _accepts(component, ("num_envs", "device", "step_dt"), component.kwargs)
            _has_methods(component, ("update",))
        case "command":
            pass  # Called by Typer, which says what is wrong with it.


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


def _check_metric(component: ResolvedComponent) -> None:
    """Per step a term, as rewards are; per episode a function of the table."""
    if isinstance(component.spec, MetricSpec) and component.spec.per == "episode":
        _accepts(component, ("table",), component.kwargs)
    else:
        _check_term(component)


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
