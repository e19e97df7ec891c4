"""Checks of a plugin as a whole, and the report on it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import entry_points
from typing import Any

from parkour.errors import PluginError, UnknownNameError
from parkour.hookspecs import API_VERSION, PROJECT
from parkour.registry import RegisteredSpec, Registry, canonical_distribution, default_registry
from parkour.registry.api_version import API_ATTRIBUTE
from parkour.registry.discovery import HEAVY
from parkour.specs import KINDS
from parkour.testing.catalogue import checks_of
from parkour.testing.subject import CheckFailed, CheckOptions, CheckResult, NotChecked, Subject, run_check

SLOW = 2.0
"""An import that takes longer is too slow: every command waits for it [s]."""
BEARABLE = ("numpy", "pydantic")
"""What a plugin of a few lines may import beside its hooks."""
_PROBE = """
import json, sys
from importlib import import_module
import parkour, pluggy
from parkour import hookimpl, TerrainSpec
from parkour.stopwatch import Stopwatch
before, watch = set(sys.modules), Stopwatch()
names, api = json.loads(sys.argv[1]), {}
for name in names:
    module = import_module(name)
    api[name] = getattr(module, sys.argv[2], None)
report = {"seconds": watch.seconds(), "modules": sorted(set(sys.modules) - before), "api": api}
print("\\n" + json.dumps(report, default=repr))
"""


@dataclass(frozen=True)
class ComponentReport:
    """What the checks say of one component."""

    kind: str
    id: str
    summary: str
    checks: tuple[CheckResult, ...]
    worst: tuple[str, ...] = ()
    """Terrains: the hardest draws."""
    picture: str | None = None
    """Terrains: file with their pictures."""

    @property
    def ok(self) -> bool:
        return all(check.status != "failed" for check in self.checks)


@dataclass(frozen=True)
class PluginReport:
    """What the checks say of a distribution."""

    distribution: str
    version: str
    source: str
    """Folder that it was loaded from without being installed; empty for an installed one."""
    api: str
    """Version of the plugin API that it was checked against."""
    checks: tuple[CheckResult, ...]
    components: tuple[ComponentReport, ...] = ()

    @property
    def ok(self) -> bool:
        return all(check.status != "failed" for check in self.checks) and all(part.ok for part in self.components)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "ok": self.ok}


def components_of(distribution: str, registry: Registry) -> list[RegisteredSpec]:
    """Everything that a distribution registers, by kind."""
    name = canonical_distribution(distribution)
    return [item for kind in KINDS for item in registry.specs(kind) if item.distribution == name]


def check_plugin(
    distribution: str,
    *,
    registry: Registry | None = None,
    options: CheckOptions | None = None,
    on_progress: Callable[[str], None] = lambda what: None,
    source: str = "",
) -> PluginReport:
    """Make every check of a distribution's plugins and of all their components.

    Args:
        distribution: its name; it must be installed or on the path with its metadata.
        registry: what is installed when None.
        options: how much is tried.
        on_progress: told what comes next.
        source: see :attr:`PluginReport.source`.

    Raises:
        UnknownNameError: no such distribution has parkour plugins.
    """
    registry, options = registry or default_registry(), options or CheckOptions()
    name = canonical_distribution(distribution)
    versions = {load.distribution: load.version for load in registry.loads}
    if name not in versions:
        raise UnknownNameError(
            "plugin", name, versions, hint="give its installed name, or the folder of its pyproject.toml"
        )
    on_progress(name)
    whole = _Whole(name, registry)
    checks = tuple(run_plugin_check(check, whole) for check in WHOLE_CHECKS)
    components = []
    for item in components_of(name, registry):
        on_progress(f"{item.spec.kind} {item.id}")
        components.append(check_component(item, registry=registry, options=options))
    return PluginReport(name, versions[name], source, API_VERSION, checks, tuple(components))


def check_component(
    item: RegisteredSpec, *, registry: Registry | None = None, options: CheckOptions | None = None
) -> ComponentReport:
    """Make every check of one component."""
    try:
        subject = Subject.of(item, registry, options)
    except Exception as error:
        reason = error.message if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        result = CheckResult("imports", "It can be imported", "failed", reason)
        return ComponentReport(item.spec.kind, item.id, item.spec.summary, (result,))
    results = tuple(run_check(check, subject) for check in checks_of(item.spec.kind))
    worst: Sequence[str] = ()
    picture = None
    if item.spec.kind == "terrain":
        worst, picture = _terrain_extras(subject)
    return ComponentReport(item.spec.kind, item.id, item.spec.summary, results, tuple(worst), picture)


def _terrain_extras(subject: Subject) -> tuple[list[str], str | None]:
    """The worst cases, and the file with their pictures, if any are wanted."""
    from parkour.testing.worst import draw_worst, worst_cases

    try:
        cases = worst_cases(subject)
    except NotChecked:
        cases = []
    folder = subject.options.pictures
    path = draw_worst(subject, cases, folder) if folder is not None else None
    return [str(case) for case in cases], str(path) if path else None


@dataclass(frozen=True)
class _Whole:
    """A distribution under test."""

    distribution: str
    registry: Registry
    cache: dict[str, Any] = field(default_factory=dict)

    def modules(self) -> list[str]:
        """Modules of its entry points."""
        found = entry_points(group=PROJECT)
        names = {point.name for point in found}
        mine = {load.entry_point for load in self.registry.loads if load.distribution == self.distribution}
        return sorted(
            {
                point.module
                for point in found
                if point.name in names & mine
                and point.dist is not None
                and canonical_distribution(point.dist.name) == self.distribution
            }
        )

    def probe(self) -> tuple[dict[str, Any], str]:
        """What importing its modules brings in, in a process of its own; and what that prints."""
        if "probe" not in self.cache:
            command = [sys.executable, "-P", "-c", _PROBE, json.dumps(self.modules()), API_ATTRIBUTE]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                lines = done.stderr.strip().splitlines()
                raise NotChecked(f"it cannot be imported: {lines[-1] if lines else 'the process ended'}")
            *printed, last = done.stdout.splitlines()
            self.cache["probe"] = json.loads(last), "\n".join(printed).strip()
        return self.cache["probe"]


def run_plugin_check(check: Callable[[_Whole], str], whole: _Whole) -> CheckResult:
    """Make a check of a whole distribution."""
    return run_check(check, whole)  # type: ignore[arg-type]


def loads(whole: _Whole) -> str:
    """It loads whole: no hook, spec or entry point is broken."""
    broken = [plugin for plugin in whole.registry.broken if plugin.distribution == whole.distribution]
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise CheckFailed(f"entry point {broken[0].entry_point!r}: {broken[0].reason}{more}")
    items = components_of(whole.distribution, whole.registry)
    if not items:
        raise CheckFailed("it registers nothing")
    return f"{len(items)} component{'s' if len(items) > 1 else ''}"


def declares_its_api(whole: _Whole) -> str:
    """It says which plugin API it is written for."""
    api = whole.probe()[0]["api"]
    silent = [name for name, version in api.items() if version is None]
    if silent:
        raise NotChecked(f'{silent[0]} does not: {API_ATTRIBUTE} = "{API_VERSION}" beside its hooks says so')
    return ", ".join(sorted(set(api.values())))


def imports_light(whole: _Whole) -> str:
    """Listing it imports nothing large: every command waits for that."""
    report, _ = whole.probe()
    with_it = [name for name in HEAVY if name in report["modules"]]
    heavy = [name for name in with_it if name not in BEARABLE]
    seconds = report["seconds"]
    if heavy or seconds > SLOW:
        what = f"imports {', '.join(heavy)}" if heavy else "is slow"
        raise CheckFailed(
            f"importing {', '.join(whole.modules())} {what} ({seconds:.2f} s): give the hooks a module of their own, "
            "whose specs name the rest as 'module:attribute'"
        )
    return f"{1000 * seconds:.0f} ms{', with ' + ' and '.join(with_it) if with_it else ''}"


def prints_nothing(whole: _Whole) -> str:
    """It prints nothing when it is imported."""
    _, printed = whole.probe()
    if printed:
        raise CheckFailed(f"importing it prints {printed.splitlines()[0][:60]!r}")
    return "standard output is empty"


WHOLE_CHECKS = (loads, declares_its_api, imports_light, prints_nothing)
