"""What a plugin's source says, read without importing it."""

from __future__ import annotations

from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path


def could_mention(address: str, word: str) -> bool:
    """Whether the module of an entry point, ``module`` or ``module:attribute``, could have something of this name.

    It could not where its source neither has the word nor takes over all names of another module. An object may come
    from anywhere, and what has no source may hold anything.
    """
    module, _, attribute = address.partition(":")
    source = None if attribute else _source(module.strip())
    return source is None or word in source or "import *" in source


def _source(module: str) -> str | None:
    """Text of a module, whose packages are not imported either; None where none is found."""
    try:
        spec = _spec(module)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return None
        return Path(spec.origin).read_text(encoding="utf-8")
    except Exception:  # Finders are anybody's code, and a file need be no text.
        return None


def _spec(module: str) -> ModuleSpec | None:
    package, *rest = module.split(".")
    spec = find_spec(package)
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", spec.submodule_search_locations)
    return spec
