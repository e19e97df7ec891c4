"""``parkour plugins list`` and ``show``: what is installed, and what it provides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, get_args

import typer

from parkour.commands import JsonOption, Styled, print_json, print_table
from parkour.errors import AmbiguousNameError, ParkourError, UnknownNameError
from parkour.registry import BrokenPlugin, PluginLoad, RegisteredSpec, Registry, default_registry
from parkour.specs import KINDS, Kind, TaskSpec

KindOption = Annotated[str | None, typer.Option("--kind", metavar="NAME", help=f"One of {', '.join(KINDS)}.")]
_COMMON_FIELDS = {"name", "summary", "target", "params", "source"}


def list_plugins(
    kind: KindOption = None,
    timing: Annotated[
        bool, typer.Option("--timing", help="Show instead how long each plugin takes to load, and what it prints.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Try every component of other distributions too; seconds for each of them.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List components with their distribution, version and status, and plugins that are broken."""
    registry = default_registry()
    if timing:
        _print_timing(registry.loads, as_json)
        return
    kinds = KINDS if kind is None else (_kind(kind),)
    specs = [item for each in kinds for item in registry.specs(each)]
    broken = [plugin for plugin in registry.broken if plugin.kind is None or plugin.kind in kinds]
    faults = _faults(specs) if check else {}
    if as_json:
        rows: list[dict[str, Any]] = [
            {**_row(item), "bare_name": _has_bare_name(registry, item), "fault": faults.get((item.spec.kind, item.id))}
            for item in specs
        ]
        print_json({"components": rows, "broken": [asdict(plugin) for plugin in broken]})
        return
    tables: dict[str, list[tuple[object, ...]]] = {}
    for item in specs:
        row = _component_row(registry, item, faults.get((item.spec.kind, item.id)))
        tables.setdefault(f"{item.distribution} {item.version}", []).append(row)
    for plugin in broken:
        tables.setdefault(f"{plugin.distribution} {plugin.version}", []).append(_broken_row(plugin))
    for title, cells in tables.items():
        print_table(title, ("kind", "name", "status", "summary"), cells)


def _faults(specs: Sequence[RegisteredSpec]) -> dict[tuple[str, str], str]:
    """The first check that each component of another distribution fails, by kind and id. A short look: few draws."""
    from parkour.testing.separate_process import check_separately

    found: dict[tuple[str, str], str] = {}
    for name in dict.fromkeys(item.distribution for item in specs if not item.builtin):
        mine = [(item.spec.kind, item.id) for item in specs if item.distribution == name]
        try:
            (report,) = check_separately([name], compile=False, seeds=3)
        except ParkourError as error:
            found.update(dict.fromkeys(mine, error.message))
            continue
        for part in report["components"]:
            failed = [each["detail"] for each in part["checks"] if each["status"] == "failed"]
            if failed:
                found[part["kind"], part["id"]] = failed[0]
    return found


def _component_row(registry: Registry, item: RegisteredSpec, fault: str | None) -> tuple[object, ...]:
    status = Styled("broken", "red") if fault else _status(registry, item)
    return item.spec.kind, item.spec.name, status, fault or item.spec.summary


def _print_timing(loads: Sequence[PluginLoad], as_json: bool) -> None:
    """Slowest first. What several plugins import is charged to the first of them, in the order of loading."""
    slowest = sorted(loads, key=lambda load: -load.seconds)
    if as_json:
        print_json([asdict(load) for load in slowest])
        return
    rows = [
        (
            load.distribution,
            load.version,
            load.entry_point,
            f"{1000 * load.seconds:.1f} ms",
            ", ".join(load.heavy),
            load.printed.splitlines()[0] if load.printed else "",
        )
        for load in slowest
    ]
    print_table("", ("distribution", "version", "entry point", "import and hooks", "brings in", "prints"), rows)


def _has_bare_name(registry: Registry, item: RegisteredSpec) -> bool:
    """Whether the component's name alone means it."""
    try:
        return registry.get(item.spec.kind, item.spec.name) is item
    except AmbiguousNameError:
        return False


def _status(registry: Registry, item: RegisteredSpec) -> str:
    return "ok" if _has_bare_name(registry, item) else f"ok, as {item.id}"


def show_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name, or distribution:name.")],
    kind: KindOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one component: where it comes from, and its parameters with defaults, units and bounds."""
    from parkour.registry.describe import describe_algorithm, describe_parameters

    registered = find_any(default_registry(), name, kind)
    parameters = {"parameters": describe_parameters(registered), "algorithm": describe_algorithm(registered)}
    facts = {**_row(registered), "entry_point": registered.entry_point, **_details(registered)}
    if as_json:
        told = {title: [asdict(item) for item in items] for title, items in parameters.items()}
        print_json({**facts, "parameters": told["parameters"], "algorithm_parameters": told["algorithm"]})
        return
    print_table("", ("", registered.id), [(key, value) for key, value in facts.items() if value not in ("", None)])
    columns = ("name", "type", "default", "unit", "bounds", "meaning")
    for title, items in parameters.items():
        rows = [
            (item.name, item.type, "required" if item.required else item.default, item.unit, item.bounds, item.doc)
            for item in items
        ]
        if rows:
            print_table(title, columns, rows)


def find_any(registry: Registry, name: str, kind: str | None) -> RegisteredSpec:
    """The component of a name in one kind, or in the only kind that has it.

    Raises:
        UnknownNameError: no kind has it.
        AmbiguousNameError: several kinds, or several distributions of one kind, have it.
    """
    if kind is not None:
        return registry.get(_kind(kind), name)
    bare = name.rpartition(":")[2]
    having: list[Kind] = [each for each in KINDS if any(_matches(item, name) for item in registry.specs(each))]
    if not having:
        known = {item.spec.name for each in KINDS for item in registry.specs(each)}
        suspect = next((plugin for plugin in registry.broken if plugin.name in (None, bare)), None)
        hint = f"it may be missing because {suspect}" if suspect else "parkour plugins list"
        raise UnknownNameError("component", name, known, hint=hint)
    if len(having) > 1:
        raise AmbiguousNameError(
            f"{name!r} is ambiguous: {' and '.join(f'a {each}' for each in having)}",
            hint=f"parkour plugins show {name} --kind {having[0]}",
        )
    return registry.get(having[0], name)


def _matches(item: RegisteredSpec, name: str) -> bool:
    return name in (item.spec.name, item.id)


def _kind(name: str) -> Kind:
    for kind in get_args(Kind):
        if name.replace("-", "_") in (kind, f"{kind}s"):
            return kind
    raise UnknownNameError("kind", name, KINDS)


def _row(item: RegisteredSpec) -> dict[str, Any]:
    return {
        "kind": item.spec.kind,
        "name": item.spec.name,
        "id": item.id,
        "distribution": item.distribution,
        "version": item.version,
        "status": "ok",
        "summary": item.spec.summary,
        "target": item.spec.target,
        "source": item.spec.source,
    }


def _details(item: RegisteredSpec) -> dict[str, Any]:
    """What specs of this kind say besides."""
    if isinstance(item.spec, TaskSpec):
        return {"aliases": ", ".join(alias.name for alias in item.spec.aliases)}
    details = {key: value for key, value in vars(item.spec).items() if key not in _COMMON_FIELDS}
    if item.spec.kind == "robot":
        details["folder"] = _robot_folder(item)
    return details


def _robot_folder(item: RegisteredSpec) -> str:
    """Where its files are, or what is wrong with them."""
    from parkour.tasks.robot import load_robot

    try:
        return str(load_robot(item.id)[1])
    except ParkourError as error:
        return f"broken: {error.message}"


def _broken_row(plugin: BrokenPlugin) -> tuple[object, ...]:
    where = plugin.name or f"(entry point {plugin.entry_point})"
    return plugin.kind or "", where, Styled("broken", "red"), plugin.reason
