"""``parkour terrains edit``: a terrain's numbers on sliders, beside the course that they make."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkour.commands import notice, parse_range
from parkour.commands.progress import loading
from parkour.errors import ParkourError, StorageError
from parkour_cli.changes import read_changes

if TYPE_CHECKING:
    from parkour.tasks import ResolvedTask
    from parkour.viewing.editing import TerrainEditor

SHARE = 0.2
"""Of the courses, where the task has none of this terrain."""


def edit_terrain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Terrain: its name or id, or what the task calls it.")],
    task: Annotated[
        str, typer.Option(metavar="NAME", help="Task to change: its name, or a TOML file.")
    ] = "go2-teacher",
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="A number of the task to begin with. Repeatable."),
    ] = None,
    difficulty: Annotated[
        str, typer.Option("--difficulty", "-d", metavar="A", help="To begin with, from 0 to 1.")
    ] = "0.5",
    seed: Annotated[int, typer.Option(help="Seed of the draws, to begin with.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Task file to save. [default: NAME.toml]")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Of the page. [default: 8080, or the next free one]")] = None,
) -> None:
    """Change a terrain's numbers in the browser, on sliders beside the course that they make. The file that is saved is
    a task, for parkour train and wherever else a task is named."""
    low, high = parse_range("--difficulty", difficulty)
    if low != high:
        raise ParkourError(f"--difficulty: got {difficulty!r}, expected one number from 0 to 1")
    path = _place(out or Path(f"{name.rpartition(':')[2]}.toml"))
    with loading():
        editor = _editor(name, task, sets or [], low, seed, path)
    _edit(editor, path, port)


def _place(path: Path) -> Path:
    """Where to save.

    Raises:
        ParkourError: it is no TOML file, one is there already, or it cannot be written.
    """
    from parkour.storage import check_writable

    if path.suffix != ".toml":
        raise ParkourError(f"--out: got {path.name!r}, expected a .toml file", hint=f"--out {path.stem or 'my'}.toml")
    if path.exists() or path.is_symlink():
        other = shlex.quote(str(path.with_stem(f"{path.stem}-2")))
        hint = f"another name, as --out {other}; to go on with that file: --task {shlex.quote(str(path))} --out {other}"
        raise StorageError(f"--out: {path} is there already, and would be lost", hint=hint)
    check_writable(path, "--out")
    return path


def _editor(name: str, task: str, sets: list[str], difficulty: float, seed: int, path: Path) -> TerrainEditor:
    """The terrain in its task, to which it is added where it has no share of the courses."""
    from parkour.tasks import load_task
    from parkour.tasks.changes import split_path
    from parkour.tasks.table import merge
    from parkour.viewing.editing import TerrainEditor

    base, added, tables = load_task(task), {}, {}
    key = _key(base, name)
    if key is None:
        added = {f"terrain:{name}": SHARE}
        base = load_task(task, changes=added)
        key = _key(base, name)
        assert key is not None
        tables = {"terrains": {key: {"use": name, "share": SHARE}}}
    changes = read_changes(sets)
    for text, value in changes.items():
        tables = merge(tables, _nested(split_path(text), value))
    whole = load_task(task, changes={**added, **changes}) if changes else base
    if key not in whole.terrains:
        raise ParkourError(f"terrain {key!r} has no share of the courses left", hint=f"--set terrains.{key}.share=0.2")
    own = base.terrains[key].params
    return TerrainEditor(
        whole.terrains[key],
        whole.model.course,
        {} if own is None else own.model_dump(mode="json"),
        os.path.relpath(task, path.parent) if task.endswith(".toml") else task,
        tables,
        difficulty=difficulty,
        seed=seed,
    )


def _key(task: ResolvedTask, name: str) -> str | None:
    """What the task calls the terrain; None where it has none.

    Raises:
        UnknownNameError: there is no such terrain.
    """
    from parkour.registry.registry import default_registry

    if name in task.terrains:
        return name
    identity = default_registry().get("terrain", name).id
    return next((key for key, terrain in task.terrains.items() if terrain.id == identity), None)


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Tables with one value in them."""
    for key in reversed(path):
        value = {key: value}
    return value


def _edit(editor: TerrainEditor, path: Path, port: int | None) -> None:
    """Serve the page until somebody has enough."""
    from parkour.learning.signals import StopSignals
    from parkour.storage import write_text
    from parkour.viewing.web import open_editor

    saved = ""

    def save() -> str:
        nonlocal saved
        saved = editor.document()
        write_text(path, saved, "--out")
        notice(f"wrote {path}")
        return f"saved: parkour train {shlex.quote(str(path))}"

    with StopSignals(lambda line: notice("stopping")) as stop:
        page = open_editor(editor, save, port)
        try:
            notice(f"{page.address} (Ctrl-C to end)")
            page.run(lambda: bool(stop.reason))
        finally:
            page.close()
    if editor.document() != saved and editor.changed():
        options = " ".join(f"--set {shlex.quote(option)}" for option in editor.options())
        notice(f"not saved: {options}")
