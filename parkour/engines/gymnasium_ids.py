"""Tasks as ids of Gymnasium: ``gymnasium.make_vec("parkour/go2-teacher", num_envs=16)`` after ``import parkour``.

Gymnasium takes a good part of a second to import, which ``parkour --help`` must not pay: ids are registered when
somebody imports it, or at once where somebody has.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from warnings import warn

MODULE = "gymnasium"
NAMESPACE = "parkour"
MAKER = "parkour.engines.gymnasium_env:make_vec_env"


def register_when_imported() -> None:
    """Register all tasks with Gymnasium as soon as it is imported, if ever."""
    if MODULE in sys.modules:
        _register_or_warn()
    else:
        sys.meta_path.insert(0, _Watch())


def register_tasks() -> list[str]:
    """Register every task whose bare name is unique; what is registered already stays. The ids."""
    from gymnasium.envs.registration import register, registry

    from parkour.errors import ParkourError
    from parkour.registry import default_registry

    ids: list[str] = []
    tasks = default_registry()
    for name in sorted({item.spec.name for item in tasks.specs("task")}):
        try:
            task = tasks.get("task", name).id
        except ParkourError:  # Several distributions have it: no one of them is meant.
            continue
        ids.append(f"{NAMESPACE}/{name}")
        if ids[-1] not in registry:
            register(ids[-1], vector_entry_point=MAKER, kwargs={"task": task})
    return ids


def _register_or_warn() -> None:
    """Whoever imports Gymnasium, maybe for something else altogether, gets it whatever happens here."""
    try:
        register_tasks()
    except Exception as error:
        warn(f"parkour's tasks are not registered with Gymnasium: {type(error).__name__}: {error}", stacklevel=2)


class _Watch(MetaPathFinder):
    """Sees the first import of Gymnasium, and goes."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Registering(spec.loader)
        return spec


class _Registering(Loader):
    """Loads as another loader does, and registers the tasks then."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        _register_or_warn()
