"""Modules that hold what was declared and nothing else."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class UndeclaredAttributeError(AttributeError):
    """Something asked a double for what it does not declare: a new need of Isaac Lab, or a mistake in the engine."""


class StrictModule(ModuleType):
    """A module double: reading an undeclared attribute raises :class:`UndeclaredAttributeError`."""

    def __getattr__(self, name: str) -> Any:
        # The import system and inspect probe for dunder names; they must see a plain module.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        raise UndeclaredAttributeError(f"the test harness declares no {self.__name__}.{name}")


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
        raise ImportError(f"{name} is a real module here; the harness is for machines without Isaac Sim")
    module.__dict__.update(attributes)
    return module


def unavailable(what: str) -> Any:
    """A function that says that only Isaac Sim has ``what``."""

    def call(*args: object, **kwargs: object) -> None:
        raise RuntimeError(f"{what} needs Isaac Sim, which the test harness does not have")

    return call
