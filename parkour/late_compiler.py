"""torch's compiler (``torch._dynamo``), imported when something is compiled and not when an optimizer is made.

Making an optimizer and each of its steps import it, only to keep it off their functions: 1.4 s of every training that
compiles nothing. Until somebody asks it for more, a module stands there that answers those two.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import RLock
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
MARK = "__dynamo_disable"
"""Attribute in which ``torch._compile`` keeps a function that the compiler is kept off."""


def compiler_waits() -> None:
    """Import torch's compiler as late as possible, if it is not imported yet."""
    if COMPILER not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Puts the module that waits in the compiler's place, and ends its wait when a part of it is imported."""

    def __init__(self) -> None:
        self._searching = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == COMPILER and not self._searching:
            self._searching = True
            spec = importlib.util.find_spec(fullname)
            if spec is not None and spec.loader is not None:
                spec.loader = _Waits(spec.loader)
            return spec
        if fullname.startswith(f"{COMPILER}."):
            return _with_the_rest(fullname)
        return None


def _with_the_rest(part: str) -> ModuleSpec | None:
    """Import the compiler, whose part is asked for; the part's spec if it has come along."""
    module = sys.modules[COMPILER]
    if isinstance(module, _Waiting):
        module.import_now()
        if part in sys.modules:
            return importlib.util.spec_from_loader(part, _Imported(sys.modules[part]))
    return None


class _Waits(Loader):
    """Makes the module that waits."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Waiting(spec.name, self._loader)

    def exec_module(self, module: ModuleType) -> None:
        pass


class _Imported(Loader):
    """Gives a module that is imported already, as it is."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec, self._own = module, module.__spec__, module.__loader__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        # torch's modules of settings take no attributes, those of the import neither.
        with suppress(AttributeError):
            module.__spec__, module.__loader__ = self._spec, self._own


class _Waiting(ModuleType):
    """In place of the compiler, until it is asked for what an optimizer does not ask for: then it becomes it."""

    def __init__(self, name: str, loader: Loader) -> None:
        super().__init__(name)
        self.__dict__.update(_real=loader, _lock=RLock(), _kept_off=[], graph_break=_graph_break, disable=self._disable)

    def import_now(self) -> None:
        with self._lock:
            if not isinstance(self, _Waiting):  # Another thread was first.
                return
            loader, kept_off = self._real, self._kept_off
            spec = self.__spec__
            assert spec is not None
            self.__class__ = ModuleType  # type: ignore[assignment] - as importlib's own lazy modules do
            spec.loader = self.__loader__ = loader
            loader.exec_module(self)
            for function, recursive in kept_off:
                setattr(function, MARK, self.disable(function, recursive, wrapping=False))

    def _disable(self, function: Callable[..., Any] | None = None, recursive: bool = True, **options: Any) -> Any:
        # `torch._compile` asks so, and keeps the answer where `import_now` can mend it.
        if function is not None and options == {"wrapping": False}:
            self._kept_off.append((function, recursive))
            return function
        self.import_now()
        return self.disable(function, recursive, **options)

    def __getattr__(self, name: str) -> Any:
        # `inspect` and others ask every module for such names.
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {COMPILER!r} has no attribute {name!r}")
        self.import_now()
        return getattr(self, name)


def _graph_break(msg: str = "") -> None:
    """Nothing, as the compiler's own where nothing is compiled."""
