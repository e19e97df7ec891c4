"""Lookup of components by kind and name."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache

from parkour.entry_points import BUILTIN, canonical_distribution
from parkour.errors import AmbiguousNameError, MissingPluginError, UnknownNameError
from parkour.hookspecs import HOOKS
from parkour.registry.discovery import Discovery, PluginEntry, installed_entries, load_entries
from parkour.registry.records import BrokenPlugin, PluginLoad, RegisteredSpec
from parkour.registry.sources import could_mention
from parkour.specs import KINDS, Kind

LOAD_PLUGINS = "PARKOUR_LOAD_PLUGINS"
"""Environment variable: names of the distributions to load besides the built-in one, separated by commas; empty for
none; all are loaded when it is not set. Processes started from here inherit the choice."""

_log = logging.getLogger(__name__)


class Registry:
    """Everything that was registered, and everything that could not be.

    Names: ``distribution:name`` always works; a bare name works while one distribution has it, and means the built-in
    component where there is one.
    """

    def __init__(
        self,
        specs: Iterable[RegisteredSpec] = (),
        broken: Iterable[BrokenPlugin] = (),
        loads: Iterable[PluginLoad] = (),
        excluded: Iterable[str] = (),
    ) -> None:
        self.broken: tuple[BrokenPlugin, ...] = tuple(broken)
        self.loads: tuple[PluginLoad, ...] = tuple(loads)
        """What each entry point cost to load, in the order in which they were."""
        self.excluded: frozenset[str] = frozenset(excluded)
        """Installed distributions that were not to be loaded (:data:`LOAD_PLUGINS`)."""
        self._specs: dict[Kind, dict[str, RegisteredSpec]] = {kind: {} for kind in KINDS}
        for registered in specs:
            self._specs[registered.spec.kind].setdefault(registered.id, registered)

    @classmethod
    def from_entries(
        cls, entries: Iterable[PluginEntry], broken: Iterable[BrokenPlugin] = (), excluded: Iterable[str] = ()
    ) -> Registry:
        """Load the given entry points (and nothing else)."""
        found: Discovery = load_entries(entries)
        return cls(found.specs, [*broken, *found.broken], found.loads, excluded)

    @classmethod
    def discover(
        cls, *, only: Iterable[str] | None = None, path: Sequence[str] | None = None, kind: Kind | None = None
    ) -> Registry:
        """Load installed plugins.

        Args:
            only: distributions to load besides the built-in one; all when None.
            path: folders with ``.dist-info``; ``sys.path`` when None.
            kind: load only those whose source says that they could register this; all when None.
        """
        entries, broken = installed_entries(path)
        if kind is not None:
            entries = [entry for entry in entries if could_mention(entry.entry_point.value, HOOKS[kind])]
        excluded: set[str] = set()
        if only is not None:
            wanted = {canonical_distribution(name) for name in only} | {BUILTIN}
            for name in sorted(wanted - {entry.distribution for entry in entries} - {BUILTIN}):
                _log.warning("%s: no installed distribution %r has parkour plugins", LOAD_PLUGINS, name)
            excluded = {entry.distribution for entry in entries} - wanted
            entries = [entry for entry in entries if entry.distribution in wanted]
            broken = [plugin for plugin in broken if plugin.distribution in wanted]
        entries.sort(key=lambda entry: (entry.distribution != BUILTIN, entry.distribution, entry.entry_point.name))
        return cls.from_entries(entries, broken, excluded)

    def specs(self, kind: Kind) -> tuple[RegisteredSpec, ...]:
        """Everything of a kind: built-ins first, then by id."""
        return tuple(sorted(self._specs[kind].values(), key=lambda item: (not item.builtin, item.id)))

    def get(self, kind: Kind, name: str, *, version: str | None = None) -> RegisteredSpec:
        """The component of a name or id.

        Args:
            kind: of component.
            name: bare, or ``distribution:name``.
            version: of the distribution that it was once found in, for the error if that is gone.

        Raises:
            UnknownNameError: nothing has this name.
            MissingPluginError: an UnknownNameError: the distribution that the id names is not installed, or not loaded.
            AmbiguousNameError: several distributions have it, and none of them is the built-in one.
        """
        if ":" in name:
            distribution, _, bare = name.partition(":")
            found = self._specs[kind].get(f"{canonical_distribution(distribution)}:{bare}")
            if found is None:
                raise self._missing(kind, distribution, bare, version) or self.unknown(kind, name, self._specs[kind])
            return found
        matches = [item for item in self.specs(kind) if item.spec.name == name]
        if not matches:
            raise self.unknown(kind, name, {item.spec.name for item in self.specs(kind)})
        return pick(kind, name, matches)

    def shortest(self, item: RegisteredSpec) -> str:
        """What a component is called where people read it: the bare name while that means it alone, else its id."""
        same = [each for each in self.specs(item.spec.kind) if each.spec.name == item.spec.name]
        return item.spec.name if item.builtin or len(same) == 1 else item.id

    def _missing(self, kind: Kind, distribution: str, name: str, version: str | None) -> MissingPluginError | None:
        """The error for an id whose distribution has nothing here; None where it has."""
        wanted = canonical_distribution(distribution)
        present = {item.distribution for specs in self._specs.values() for item in specs.values()}
        if wanted in present | {plugin.distribution for plugin in self.broken}:
            return None
        full = wanted if version is None else f"{wanted} {version}"
        if wanted in self.excluded:
            return MissingPluginError(
                kind, name, full, "which is installed but not loaded",
                hint=f"leave out --no-plugins, or name it in {LOAD_PLUGINS}",
            )  # fmt: skip
        return MissingPluginError(
            kind,
            name,
            full,
            "which is not installed",
            hint=f"install {full} from where you had it; parkour plugins list",
        )

    def unknown(self, kind: Kind, name: str, known: Iterable[str]) -> UnknownNameError:
        """The error for a name that nothing has, naming a broken plugin that could have had it."""
        distribution, _, bare = name.rpartition(":")
        suspects = [
            plugin
            for plugin in self.broken
            if plugin.could_provide(kind, bare)
            and (not distribution or plugin.distribution == canonical_distribution(distribution))
        ]
        # One that names the very component is the culprit; the others only might be.
        suspects.sort(key=lambda plugin: (plugin.name is None, plugin.kind is None))
        if suspects:
            hint = f"it may be missing because {suspects[0]}"
        elif self._older_than_its_code(kind):
            hint = f"{BUILTIN} was installed before it had a {kind}: pip install --no-deps -e ., in its folder"
        else:
            hint = "parkour tasks list" if kind == "task" else f"parkour plugins list --kind {kind}"
        return UnknownNameError(kind, name, known, hint=hint)

    def _older_than_its_code(self, kind: Kind) -> bool:
        """Whether the entry points of an editable installation are of a time before there were such components."""
        installed = any(load.distribution == BUILTIN for load in self.loads)
        return installed and not any(item.builtin for item in self._specs[kind].values())


def pick(kind: Kind, name: str, matches: Sequence[RegisteredSpec]) -> RegisteredSpec:
    """The one component that a bare name means among those that have it.

    Raises:
        AmbiguousNameError: several distributions have it, and none of them is the built-in one.
    """
    builtin = [item for item in matches if item.builtin]
    if builtin:
        return builtin[0]
    if len(matches) == 1:
        return matches[0]
    ids = " and ".join(f"{item.id} (version {item.version})" for item in matches)
    raise AmbiguousNameError(f"{kind} {name!r} is ambiguous: {ids}", hint=f"write {matches[0].id!r}")


def default_registry(kind: Kind | None = None) -> Registry:
    """The registry of what is installed, as :data:`LOAD_PLUGINS` restricts it; made once for each value of it.

    Args:
        kind: the only kind that is asked for, so that plugins which do not register it need not be loaded.
    """
    return _registry(os.environ.get(LOAD_PLUGINS), kind)


@lru_cache(maxsize=8)
def _registry(load_plugins: str | None, kind: Kind | None) -> Registry:
    only = None if load_plugins is None else [name.strip() for name in load_plugins.split(",") if name.strip()]
    registry = Registry.discover(only=only, kind=kind)
    for load in registry.loads:
        if load.printed:
            _log.warning(
                "plugin %s %s printed while it was loaded: %r", load.distribution, load.version, _cut(load.printed)
            )
    for plugin in registry.broken:
        _log.warning("%s", plugin)
        if plugin.traceback:
            _log.debug("%s", plugin.traceback.rstrip())
    return registry


def _cut(text: str, length: int = 60) -> str:
    """The first line, no longer than ``length``."""
    first = text.splitlines()[0]
    return first if text == first and len(first) <= length else f"{first[:length]}…"
