"""Discovery of plugins and lookup of what they register. Imports neither torch nor pydantic."""

from __future__ import annotations

from parkour.entry_points import BUILTIN, canonical_distribution
from parkour.registry.records import BrokenPlugin, PluginLoad, RegisteredSpec
from parkour.registry.registry import LOAD_PLUGINS, Registry, default_registry
from parkour.registry.targets import resolve_target

__all__ = [
    "BUILTIN",
    "LOAD_PLUGINS",
    "BrokenPlugin",
    "PluginLoad",
    "RegisteredSpec",
    "Registry",
    "canonical_distribution",
    "default_registry",
    "resolve_target",
]
