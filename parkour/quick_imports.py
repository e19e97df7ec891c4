"""Imports of others that are quicker without what nobody here needs, and actions that wait for an import."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
    from importlib.machinery import ModuleSpec
    from types import ModuleType
else:  # Its base classes do nothing, and importing them costs more than all the rest of `import parkour`.
    Loader = MetaPathFinder = object

MARKS = ("allow_in_graph", "assume_constant_result")
"""Functions of ``torch.compiler`` that note something about a function for the compiler, and return it as it is."""


def import_rsl_rl() -> None:
    """Import rsl-rl and tensordict, if they are not imported yet, in half the time.

    rsl-rl imports wandb, where that is installed, for a writer of logs that this project does not use
    (:mod:`parkour.learning.loggers` has its own). tensordict imports torch's compiler, to mark three functions; they
    are marked when somebody else imports the compiler.
    """
    if "rsl_rl.utils" in sys.modules:
        return
    with uncollected(), _marks_wait(), _absent("wandb"):
        importlib.import_module("rsl_rl.env")
        importlib.import_module("rsl_rl.utils")


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage inside: imports, models and scenes make many objects that stay, and little garbage.

    To look for it takes an eighth of the time from a command to the page of ``parkour play``. What was made while torch
    was imported, a process's beginning, is not looked through later either.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    fresh = "torch" not in sys.modules
    try:
        yield
    finally:
        if fresh and "torch" in sys.modules:
            # The first look would be through all of this: half a million objects, none of them garbage.
            gc.freeze()
        gc.enable()


def when_imported(name: str, action: Callable[[], None]) -> None:
    """Act when the module ``name`` has been imported; at once if it has."""
    if name in sys.modules:
        action()
    else:
        sys.meta_path.insert(0, _Watch(name, action))


@contextmanager
def _absent(name: str) -> Iterator[None]:
    """As if the package ``name`` were not installed, unless it is imported already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] - says that there is none
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def _marks_wait() -> Iterator[None]:
    """Collect what is marked for torch's compiler, and mark it when that is imported."""
    compiler: Any = importlib.import_module("torch.compiler")
    if "torch._dynamo" in sys.modules:
        yield
        return
    own = {name: getattr(compiler, name) for name in MARKS}
    waiting: list[tuple[str, Any]] = []

    def later(name: str) -> Callable[[Any], Any]:
        def note(function: Any) -> Any:
            waiting.append((name, function))
            return function

        return note

    for name in MARKS:
        setattr(compiler, name, later(name))
    try:
        yield
    finally:
        for name, function in own.items():
            setattr(compiler, name, function)

        def mark() -> None:
            for name, function in waiting:
                own[name](function)

        when_imported("torch._dynamo", mark)


class _Watch(MetaPathFinder):
    """Sees the first import of a module, and goes."""

    def __init__(self, name: str, action: Callable[[], None]) -> None:
        self._name, self._action = name, action

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenAct(spec.loader, self._action)
        return spec


class _ThenAct(Loader):
    """Loads as another loader does, and acts then."""

    def __init__(self, loader: Loader, action: Callable[[], None]) -> None:
        self._loader, self._action = loader, action

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._action()
