"""Getting at a plugin's components the way the registry does, without the registry."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from parkour.specs import Spec


def load(address: str) -> Any:
    """The object at ``"module:attribute"``."""
    module, _, attribute = address.partition(":")
    return getattr(import_module(module), attribute)


def parameters(spec: Spec, **changes: Any) -> dict[str, Any]:
    """Keyword arguments of a component: its model's defaults with ``changes``, validated."""
    if spec.params is None:
        assert not changes
        return {}
    model = load(spec.params)(**changes)
    return {name: getattr(model, name) for name in type(model).model_fields}
