"""A registered component, imported, with the parameters that are wanted of it, checked: whoever asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from parkour.errors import PluginError, TaskError
from parkour.registry import RegisteredSpec, Registry, resolve_target
from parkour.specs import Kind
from parkour.tasks.resolved import ResolvedComponent
from parkour.tasks.validation import validate


def resolve_component(
    kind: Kind, key: str, name: str, params: Mapping[str, Any], version: str | None, path: tuple[str, ...],
    registry: Registry,
) -> ResolvedComponent:  # fmt: skip
    """Look one component up and load it.

    Args:
        kind: of component.
        key: its name in the task.
        name: its id, or a bare name.
        params: as written.
        version: of the distribution that it was once resolved in, if known.
        path: of the parameters in the task, for errors.
        registry: where it is looked up.

    Raises:
        UnknownNameError: it is not registered.
        PluginError: it cannot be imported.
        TaskError: a parameter does not validate.
    """
    return load_component(registry.get(kind, name, version=version), key, params, path)


def load_component(
    registered: RegisteredSpec, key: str, params: Mapping[str, Any], path: tuple[str, ...] = ()
) -> ResolvedComponent:
    """Import a component that was looked up; see :func:`resolve_component`."""
    spec, owner = registered.spec, owner_of(registered)
    target = resolve_target(spec.target, owner=owner)
    if not callable(target):
        raise PluginError(f"{owner}: {spec.target!r} is no callable")
    return ResolvedComponent(
        key=key,
        id=registered.id,
        version=registered.version,
        spec=spec,
        target=target,
        params=read_parameters(registered, params, path),
    )


def load_with_defaults(registered: RegisteredSpec) -> ResolvedComponent:
    """A component for which nobody gives parameters, as metrics and loggers.

    Raises:
        PluginError: it cannot be imported, or a parameter has no default that validates.
    """
    try:
        return load_component(registered, registered.spec.name, {})
    except TaskError as error:
        raise PluginError(f"{owner_of(registered)}: {error.message}; every parameter needs a default") from error


def read_parameters(
    registered: RegisteredSpec, params: Mapping[str, Any], path: tuple[str, ...] = ()
) -> BaseModel | None:
    """The parameters of a component, from a task, an option or an export: an instance of its model, or None where it
    has none. Its target is not imported.

    Raises:
        PluginError: its model cannot be imported, or is none.
        TaskError: the first parameter that does not validate: its path, what was got and what was expected.
    """
    spec, hint = registered.spec, f"parkour plugins show {registered.id} --kind {registered.spec.kind}"
    if spec.params is None:
        if params:
            unknown = ".".join((*path, next(iter(params))))
            raise TaskError(f"unknown key {unknown!r}; {registered.id} has no parameters", hint=hint)
        return None
    return validate(parameter_model(spec.params, owner_of(registered)), params, path=path, hint=hint)


def parameter_model(address: str, owner: str) -> type[BaseModel]:
    """The parameter model at an address.

    Raises:
        PluginError: it cannot be imported, or is no parameter model.
    """
    model = resolve_target(address, owner=owner)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise PluginError(f"{owner}: {address!r} is no parameter model (parkour.Params)")
    return model


def owner_of(registered: RegisteredSpec) -> str:
    """What errors call a component: ``terrain 'parkour-lab:gap'``."""
    return f"{registered.spec.kind} {registered.id!r}"
