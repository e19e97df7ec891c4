"""Entry points to specs, one ``try`` per entry point, per hook and per spec, so that one fault costs one component."""

from __future__ import annotations

import contextlib
import inspect
import io
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any

import pluggy

from parkour.entry_points import PROJECT, EntryPoint, InstalledDistribution, canonical_distribution, distributions_with
from parkour.hookspecs import HOOKS
from parkour.registry.api_version import API_ATTRIBUTE, api_problem, written_api
from parkour.registry.isolation import PluginFaultError, run_isolated
from parkour.registry.records import BrokenPlugin, PluginLoad, RegisteredSpec
from parkour.registry.spec_check import kind_of, spec_problem
from parkour.specs import SPEC_TYPES, Kind, Spec
from parkour.text import printable

KIND_OF_HOOK: dict[str, Kind] = {hook: kind for kind, hook in HOOKS.items()}
MOST_SPECS = 10_000
"""Of one hook; more are a loop without an end."""
HEAVY = ("torch", "numpy", "pydantic", "mujoco", "warp", "matplotlib", "onnx")
"""Packages that a plugin should not import just to say what it has: every command would wait for them."""


@dataclass(frozen=True)
class PluginEntry:
    """An entry point and where it came from."""

    distribution: str
    version: str
    entry_point: EntryPoint

    @property
    def who(self) -> str:
        """For messages."""
        return f"plugin {self.distribution} {self.version} (entry point {printable(self.entry_point.name)!r})"


@dataclass
class Discovery:
    """The outcome of loading entry points."""

    specs: list[RegisteredSpec] = field(default_factory=list)
    broken: list[BrokenPlugin] = field(default_factory=list)
    loads: list[PluginLoad] = field(default_factory=list)


def installed_entries(path: Sequence[str] | None = None) -> tuple[list[PluginEntry], list[BrokenPlugin]]:
    """Entry points of the group ``parkour`` in installed distributions, and distributions whose list is unreadable.

    Distributions that have no such entry point are not looked at any further. A distribution that is visible twice on
    the path counts once, in its first place.

    Args:
        path: folders with ``.dist-info``; ``sys.path`` when None.
    """
    entries: list[PluginEntry] = []
    broken: list[BrokenPlugin] = []
    seen: set[str] = set()
    for dist in distributions_with(PROJECT, path):
        name, version = _identity(dist)
        if name in seen:
            continue
        seen.add(name)
        try:
            entries += [PluginEntry(name, version, point) for point in dist.select(PROJECT)]
        except ValueError as error:
            reason = f"entry_points.txt cannot be read ({_describe(error)})"
            broken.append(BrokenPlugin(name, version, "entry_points.txt", reason, traceback.format_exc()))
    return entries, broken


def _identity(dist: InstalledDistribution) -> tuple[str, str]:
    """Canonical name, and version."""
    name, version = dist.identity()
    return canonical_distribution(printable(name)), printable(version)


def load_entries(entries: Iterable[PluginEntry]) -> Discovery:
    """Import every entry point and call its hooks; faults become :class:`BrokenPlugin` records.

    What a plugin prints meanwhile is kept from standard output, where programs read results, and recorded.
    """
    result = Discovery()
    taken: dict[tuple[str, Kind, str], RegisteredSpec] = {}
    modules: dict[str, str] = {}
    for entry in entries:
        before, begin, printed = set(sys.modules), time.perf_counter(), io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                run_isolated(entry.who, partial(_load, entry, result, taken, modules))
            except PluginFaultError as fault:  # An object that cannot even be looked at.
                reason = f"it cannot be read ({_describe(fault.__cause__)})" if fault.__cause__ else f"it {fault}"
                result.broken.append(_broken(entry, reason, fault.__cause__))
        load = PluginLoad(
            distribution=entry.distribution,
            version=entry.version,
            entry_point=entry.entry_point.name,
            seconds=time.perf_counter() - begin,
            heavy=tuple(name for name in HEAVY if name in sys.modules and name not in before),
            printed=printable(printed.getvalue().strip(), lines=True),
        )
        result.loads.append(load)
    return result


def _load(
    entry: PluginEntry,
    result: Discovery,
    taken: dict[tuple[str, Kind, str], RegisteredSpec],
    modules: dict[str, str],
) -> None:
    """One entry point. ``modules`` says which distribution came first with each address."""
    address = entry.entry_point.value
    try:
        plugin = run_isolated(entry.who, entry.entry_point.load)
    except PluginFaultError as fault:
        error = fault.__cause__
        reason = f"import failed ({_describe(error)})" if error is not None else f"it {fault}"
        # A plugin for another API mostly fails here, on a name that this one does not have.
        if problem := api_problem(written_api(address.partition(":")[0])):
            reason = f"{problem}; {reason}"
        result.broken.append(_broken(entry, reason, error))
        return
    owner = modules.setdefault(address, entry.distribution)
    if owner != entry.distribution:
        reason = f"its entry point names {address!r}, which is {owner}'s: modules need names of their own"
        result.broken.append(_broken(entry, reason, None))
        return
    if problem := api_problem(getattr(plugin, API_ATTRIBUTE, None)):
        result.broken.append(_broken(entry, problem, None))
        return
    _Loader(entry, result, taken).load(plugin)


class _Loader:
    """Reads one imported plugin into a :class:`Discovery`."""

    def __init__(
        self, entry: PluginEntry, result: Discovery, taken: dict[tuple[str, Kind, str], RegisteredSpec]
    ) -> None:
        self.entry = entry
        self.result = result
        self.taken = taken

    def load(self, plugin: Any) -> None:
        hooks = list(self._implementations(plugin))
        for hook, function in hooks:
            kind = KIND_OF_HOOK.get(hook)
            if kind is None:
                self._misspelt(hook)
            else:
                self._call(kind, hook, function)
        unmarked = [name for name in KIND_OF_HOOK if callable(getattr(plugin, name, None))]
        for name in set(unmarked) - {hook for hook, _ in hooks}:
            self._report(f"{name} is not marked with @parkour.hookimpl, so it is not called", kind=KIND_OF_HOOK[name])
        if not hooks and not unmarked:
            self._report(f"no hook found; expected a function such as {HOOKS['terrain']} marked with @parkour.hookimpl")

    def _implementations(self, plugin: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Names of hooks (``specname`` heeded) and the functions marked as their implementations."""
        manager = pluggy.PluginManager(PROJECT)
        for name in dir(plugin):
            options = manager.parse_hookimpl_opts(plugin, name)
            if options is None:
                continue
            hook = options.get("specname") or name
            if hook not in KIND_OF_HOOK and options.get("optionalhook"):
                continue  # The plugin says that it also supports versions which have this hook.
            yield hook, getattr(plugin, name)

    def _misspelt(self, hook: str) -> None:
        near = get_close_matches(hook, KIND_OF_HOOK, n=1, cutoff=0.6)
        tail = f"did you mean {near[0]!r}?" if near else f"hooks are {', '.join(KIND_OF_HOOK)}"
        self._report(f"{hook!r} is marked with @parkour.hookimpl but is no hook; {tail}")

    def _call(self, kind: Kind, hook: str, function: Callable[[], Any]) -> None:
        expected = SPEC_TYPES[kind].__name__
        found: list[Any] = []
        try:
            inspect.signature(function).bind()
        except TypeError as error:
            self._report(f"{hook} must take no arguments ({error})", kind=kind)
            return
        try:
            run_isolated(f"{self.entry.who}, {hook}", lambda: _collect(function, expected, found))
        except PluginFaultError as fault:
            error = fault.__cause__
            reason = f"{hook} raised {_describe(error)}" if error is not None else f"{hook} {fault}"
            self.result.broken.append(_broken(self.entry, reason, error, kind=kind))
        # Those that came before a fault are as good as any.
        for spec in found:
            self._add(kind, hook, spec)

    def _add(self, kind: Kind, hook: str, spec: Any) -> None:
        problem = spec_problem(kind, spec)
        if problem:
            given = getattr(spec, "name", None) if type(spec) is SPEC_TYPES[kind] else None
            self._report(f"{hook}: {problem}", kind=kind, name=given if type(given) is str else None)
            return
        key = (self.entry.distribution, kind, spec.name)
        if key in self.taken:
            first = self.taken[key].entry_point
            reason = f"{hook}: {kind} {spec.name!r} is registered twice; the one of entry point {first!r} is kept"
            self._report(reason, kind=kind, name=spec.name)
            return
        registered = RegisteredSpec(spec, self.entry.distribution, self.entry.version, self.entry.entry_point.name)
        self.taken[key] = registered
        self.result.specs.append(registered)

    def _report(self, reason: str, *, kind: Kind | None = None, name: str | None = None) -> None:
        self.result.broken.append(_broken(self.entry, reason, None, kind=kind, name=name))


def _collect(hook: Callable[[], Any], expected: str, found: list[Any]) -> None:
    """Call a hook and append what it gives to ``found``.

    Raises:
        PluginFaultError: that is no iterable, or has no end.
    """
    specs = hook()
    if specs is None or isinstance(specs, (str, bytes, dict, Spec)) or not isinstance(specs, Iterable):
        raise PluginFaultError(f"returned {kind_of(specs)}, expected an iterable of {expected}")
    for spec in specs:
        if len(found) == MOST_SPECS:
            found.clear()
            raise PluginFaultError(f"returned more than {MOST_SPECS} specs, expected a few")
        found.append(spec)


def _broken(
    entry: PluginEntry,
    reason: str,
    error: BaseException | None,
    *,
    kind: Kind | None = None,
    name: str | None = None,
) -> BrokenPlugin:
    text = "" if error is None else printable("".join(traceback.format_exception(error)), lines=True)
    point = printable(entry.entry_point.name)
    return BrokenPlugin(entry.distribution, entry.version, point, printable(reason), text, kind, name)


def _describe(error: BaseException | None) -> str:
    """The error's type and its first line."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg}, {error.filename}:{error.lineno}"
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # Exceptions are a plugin's code too.
        lines = []
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
