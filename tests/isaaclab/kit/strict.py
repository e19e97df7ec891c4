"""Modules that hold what was declared and nothing else."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class UndeclaredAttributeError(AttributeError):
    """Something asked a double for what it does not declare: a mistake in the engine, or a new need of it."""


class StrictModule(ModuleType):
    """A module double: reading an undeclared attribute raises :class:`UndeclaredAttributeError`."""

    def __getattr__(self, name: str) -> Any:
        # The import system and inspect probe for dunder names; they must see a plain module.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        raise UndeclaredAttributeError(f"no double declares {self.__name__}.{name}")


def declare(name: str, **attributes: Any) -> StrictModule:
    """Register a module double, and empty doubles for the packages it is in.

    Called again for a name, it adds attributes.
    """
    parent, _, leaf = name.rpartition(".")
    if parent and parent not in sys.modules:
        declare(parent)
    module = sys.modules.get(name)
    if module is None:
        module = StrictModule(name)
        module.__spec__ = ModuleSpec(name, None, is_package=True)
        module.__path__ = []
        sys.modules[name] = module
        if parent:
            setattr(sys.modules[parent], leaf, module)
    if not isinstance(module, StrictModule):
        raise ImportError(f"{name} is a real module here; these doubles are for machines without Isaac Sim")
    module.__dict__.update(attributes)
    return module
