"""A component's parameters as plain data, for people and programs that want to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parkour.errors import PluginError
from parkour.registry.records import RegisteredSpec
from parkour.registry.targets import resolve_target
from parkour.specs import PolicySpec


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter."""

    name: str
    type: str
    required: bool
    default: Any
    """Default value; None if required."""
    unit: str
    """SI unit, empty for numbers without one."""
    bounds: str
    """``≥ 0, ≤ 1``; empty if unbounded."""
    doc: str


def describe_parameters(registered: RegisteredSpec) -> list[ParameterInfo]:
    """The parameters of a component, in the order of its model. Imports the plugin's module.

    Raises:
        PluginError: the model cannot be imported or is none.
    """
    return _of_model(registered, registered.spec.params)


def describe_algorithm(registered: RegisteredSpec) -> list[ParameterInfo]:
    """The parameters of a policy's algorithm, a task's ``[algorithm.params]``; none for other kinds.

    Raises:
        PluginError: the model cannot be imported or is none.
    """
    return _of_model(registered, registered.spec.algorithm if isinstance(registered.spec, PolicySpec) else None)


def _of_model(registered: RegisteredSpec, address: str | None) -> list[ParameterInfo]:
    if address is None:
        return []
    owner = f"{registered.spec.kind} {registered.id!r}"
    model = resolve_target(address, owner=owner)
    fields = getattr(model, "model_fields", None)
    if not isinstance(fields, dict):
        raise PluginError(f"{owner}: {address!r} is no parameter model (parkour.Params)")
    return describe_fields(fields)


def describe_fields(fields: Mapping[str, Any]) -> list[ParameterInfo]:
    """The fields of a pydantic model, its ``model_fields``, in order."""
    return [_describe(name, field) for name, field in fields.items()]


def _describe(name: str, field: Any) -> ParameterInfo:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return ParameterInfo(
        name=name,
        type=_type_name(field.annotation),
        required=field.is_required(),
        default=None if field.is_required() else field.get_default(call_default_factory=True),
        unit=str(extra.get("unit", "")),
        bounds=_bounds(field.metadata),
        doc=" ".join((field.description or "").split()),
    )


def _type_name(annotation: Any) -> str:
    text = annotation.__name__ if isinstance(annotation, type) and "[" not in str(annotation) else str(annotation)
    return text.replace("typing.", "")


def _number(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:g}"


def _bounds(metadata: list[Any]) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [
        f"{sign} {_number(getattr(item, name))}"
        for item in metadata
        for name, sign in signs.items()
        if getattr(item, name, None) is not None
    ]
    return ", ".join(found)
