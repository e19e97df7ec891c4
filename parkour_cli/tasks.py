"""``parkour tasks``: which tasks there are, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkour.commands import JsonOption, make_app, print_json, print_result, print_table
from parkour.commands.progress import loading
from parkour.errors import ParkourError, TaskError
from parkour.registry import RegisteredSpec, Registry, default_registry
from parkour.specs import EventSpec, TaskSpec
from parkour_cli.changes import read_changes
from parkour_cli.options import OverlayOption, SetOption, TaskArgument, WithOption

if TYPE_CHECKING:
    from parkour.tasks import ResolvedTask
    from parkour.tasks.resolved import ResolvedComponent

app = make_app("List tasks and show them, resolved to their components.")

_SECTIONS = ("terrains", "rewards", "observations", "terminations", "events", "commands")
_OWN = {"terrains": ("share",), "rewards": ("weight",), "observations": ("clip",), "events": ("mode", "interval")}
"""What a section says of each of its components, besides which it is and its parameters."""


@app.command("list")
def list_tasks(as_json: JsonOption = False) -> None:
    """List registered tasks with their stage, overlays and aliases."""
    registry = default_registry()
    rows = [_summary(item, registry) for item in registry.specs("task")]
    if as_json:
        print_json({"tasks": rows})
        return
    columns = ("name", "stage", "robot", "distribution", "version", "status", "summary")
    print_table("", columns, [tuple(row[key] for key in columns) for row in rows])
    aliases = [
        (alias.name, item.spec.name, alias.overlay or "")
        for item in registry.specs("task")
        if isinstance(item.spec, TaskSpec)
        for alias in item.spec.aliases
    ]
    if aliases:
        print_table("aliases", ("name", "task", "overlay"), aliases)


@app.command("show")
def show_task(
    task: TaskArgument,
    overlay: OverlayOption = None,
    sets: SetOption = [],  # noqa: B006 - Typer copies it
    withs: WithOption = [],  # noqa: B006
    as_json: JsonOption = False,
    as_toml: Annotated[bool, typer.Option("--toml", help="Print TOML that `parkour train` takes.")] = False,
) -> None:
    """Show a task with overlay and overrides applied, and the id and version of every component."""
    if as_json and as_toml:
        raise TaskError("got --json and --toml, expected one of them")
    with loading():
        from parkour.tasks import load_task, task_to_toml
        from parkour.tasks.serialise import task_tables

        resolved = load_task(task, overlay=overlay, changes=read_changes(sets, withs))
    if as_toml:
        print_result(task_to_toml(resolved).rstrip("\n"))
    elif as_json:
        print_json(task_tables(resolved))
    else:
        _print_task(resolved, task_tables(resolved))


def _summary(item: RegisteredSpec, registry: Registry) -> dict[str, Any]:
    """A task's row; one that cannot be read is listed with its reason."""
    from parkour.tasks.document import read_registered
    from parkour.tasks.resolve import load_model

    aliases = [alias.name for alias in item.spec.aliases] if isinstance(item.spec, TaskSpec) else []
    row = {
        "name": item.spec.name,
        "id": item.id,
        "stage": "",
        "robot": "",
        "distribution": item.distribution,
        "version": item.version,
        "status": "ok",
        "summary": item.spec.summary,
        "overlays": [],
        "aliases": aliases,
    }
    try:
        document = read_registered(item, registry)
        model = load_model(document)
    except ParkourError as error:
        return {**row, "status": f"broken: {error.message}"}
    return {**row, "stage": model.stage, "robot": model.robot, "overlays": list(document.overlays)}


def _print_task(task: ResolvedTask, tables: Mapping[str, Any]) -> None:
    heading = {"name": task.name, "overlay": task.overlay or "none", "summary": task.model.summary}
    plain = {key: value for key, value in tables.items() if not isinstance(value, dict)}
    print_table("", ("task", ""), list({**heading, **plain}.items()))
    numbers = [(f"{section}.{key}", value) for section in _numbers(task) for key, value in _flat(tables[section])]
    print_table("numbers", ("key", "value"), numbers)
    for section in _SECTIONS:
        own, used = _OWN.get(section, ()), getattr(task, section)
        rows: list[tuple[Any, ...]] = []
        for key, table in tables[section].items():
            said = (_own(name, table, used.get(key)) for name in own)
            rows.append((key, *said, *_origin(key in used, table), _params(table["params"])))
        if not rows and section == "commands":  # Most tasks have but the forward speed, which is among the numbers.
            continue
        print_table(section, ("name", *own, "component", "version", "parameters"), rows)
    if rows := _modifier_rows(task, tables["observations"]):
        print_table("modifiers", ("group", "name", "chance", "component", "version", "parameters"), rows)
    networks = [("policy", tables["policy"]["use"], task.policy.version, _params(tables["policy"]["params"]))]
    networks += [
        (key, part.id, part.version, _params(tables["policy"]["encoders"][key]["params"]))
        for key, part in task.encoders.items()
    ]
    print_table("policy", ("name", "component", "version", "parameters"), networks)
    if (part := task.curriculum) is not None:
        row = (part.id, part.version, _params(tables["curriculum"]["params"]))
        print_table("curriculum", ("component", "version", "parameters"), [row])


def _numbers(task: ResolvedTask) -> list[str]:
    """Sections of the task that are numbers, in the order of the model; without the camera where nobody has one."""
    from parkour.tasks.build import has_depth_camera
    from parkour.tasks.sections import Section
    from parkour.tasks.uses import CurriculumUse, PolicyUse

    return [
        name
        for name, section in task.model
        if isinstance(section, Section) and not isinstance(section, (CurriculumUse, PolicyUse))
        if name != "camera" or has_depth_camera(task)
    ]


def _own(name: str, table: Mapping[str, Any], part: ResolvedComponent | None) -> Any:
    """What the task says of a component under this name; of an event that leaves its mode out, when it runs."""
    if name == "mode" and part is not None and isinstance(part.spec, EventSpec):
        return table.get(name, part.spec.mode)
    return table.get(name, "")


def _modifier_rows(task: ResolvedTask, observations: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Noise and faults of each group, those that are off included."""
    return [
        (group, key, table["chance"], *_origin(key in task.modifiers.get(group, ()), table), _params(table["params"]))
        for group, use in observations.items()
        for key, table in use["modifiers"].items()
    ]


def _origin(used: bool, table: Mapping[str, Any]) -> tuple[str, str]:
    return (table["use"], table["version"]) if used else ("off", "")


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _params(table: Mapping[str, Any]) -> str:
    """As ``--set`` takes them. Without blanks, at which a narrow terminal would break a pair."""
    return ", ".join(f"{key}={_value(value)}" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
