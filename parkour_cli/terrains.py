"""``parkour terrains``: pictures of sub-terrains, their numbers on sliders, and courses from height maps and meshes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkour.commands import make_app, notice, parse_range
from parkour.commands.progress import DRAWING
from parkour.errors import ParkourError, TaskError
from parkour.stages import stage
from parkour.text import counted
from parkour_cli.changes import read_changes
from parkour_cli.terrains_edit import edit_terrain
from parkour_cli.terrains_import import import_terrain

if TYPE_CHECKING:
    from parkour.terrain.preview import Scene

MOST_COURSES = 64
"""On a page: to lay it out takes ever longer, and a picture has no more than 65,536 pixels across."""
app = make_app("Draw sub-terrains, change their numbers, and make them of height maps and meshes.")
app.command("edit")(edit_terrain)
app.command("import")(import_terrain)


@app.callback()
def terrains() -> None:
    """Draw sub-terrains, change their numbers, and make them of height maps and meshes."""


@app.command()
def preview(
    names: Annotated[list[str] | None, typer.Argument(help="Terrains, by name or id; all when left out.")] = None,
    difficulty: Annotated[
        list[str] | None,
        typer.Option(
            "--difficulty",
            "-d",
            metavar="A:B",
            help="Within 0:1, or one number. Repeatable. [default: 0.5, or 0:1 with --grid]",
        ),
    ] = None,
    grid: Annotated[int, typer.Option(min=0, metavar="N", help="Show this many difficulties of the range.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="A number of a terrain or of the course, e.g. terrains.gap.params.pit_depth=[0.5,0.5]. Repeatable.",
        ),
    ] = None,
    depth: Annotated[bool, typer.Option("--depth", help="Show as well what the depth camera sees.")] = False,
    task: Annotated[
        str, typer.Option(metavar="NAME", help="Whose camera and depth image --depth shows.")
    ] = "go2-student",
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG file to write.")] = Path("terrains.png"),
) -> None:
    """Draw terrains: a shaded picture of each, and its height map with goals and edges."""
    from parkour.terrain.preview import save_page

    shown = names or _all_names()
    levels = _difficulties(difficulty or [], grid, len(shown))
    _check_writable(out)
    _check_graded(shown, bool(difficulty or grid))
    numbers = _numbers(changes or [], shown)
    with stage("building courses", total=len(shown)) as built:
        rows = [_built(built, _scenes(name, levels, seed, numbers)) for name in shown]
    if depth:
        with stage("looking through the depth camera"):
            rows = _with_depth(rows, task)
    # One terrain at several difficulties reads better from top to bottom, with each map beside its picture.
    if len(rows) == 1 and len(levels) <= 4:
        rows = [[scene] for scene in rows[0]]
    with stage(DRAWING):
        save_page(rows, out)
    notice(f"wrote {out}")


def _built(built: Callable[[], None], scenes: list[Scene]) -> list[Scene]:
    built()
    return scenes


def _difficulties(given: list[str], grid: int, terrains: int) -> list[float]:
    """What ``--difficulty`` and ``--grid`` mean: one number each, or a range's ends and what lies evenly between."""
    import numpy as np

    ranges = [parse_range("--difficulty", text) for text in given]
    alone = list(dict.fromkeys(value for ends in ranges for value in ends)) or [0.5]
    if terrains * (grid or len(alone)) > MOST_COURSES:
        raise ParkourError(
            f"got {counted(terrains, 'terrain')} at {grid or len(alone)} difficulties, "
            f"expected at most {MOST_COURSES} courses on a page",
            hint=f"--grid {max(MOST_COURSES // terrains, 1)}, or fewer terrains",
        )
    if not grid:
        return alone
    ends = sorted({value for pair in ranges for value in pair}) or [0.0, 1.0]
    if len(ends) != 2:
        raise ParkourError(f"--grid {grid}: got {len(ends)} difficulties, expected a range", hint="--difficulty 0:1")
    return [float(value) for value in np.linspace(ends[0], ends[1], grid)]


def _check_graded(names: list[str], asked: bool) -> None:
    """Refuses difficulties where none of the terrains has any."""
    if asked and not any(_graded(name) for name in names):
        raise ParkourError(
            f"the courses of {' and '.join(names)} do not depend on the difficulty, expected no --difficulty or --grid"
        )


def _graded(name: str) -> bool:
    from parkour.registry.registry import default_registry
    from parkour.specs import TerrainSpec

    spec = default_registry().get("terrain", name).spec
    assert isinstance(spec, TerrainSpec)
    return spec.graded


def _check_writable(path: Path) -> None:
    """Fails before the work is done, not after it."""
    from parkour.errors import StorageError

    if path.is_dir():
        raise StorageError(f"cannot write {str(path)!r}: it is a folder", hint="name a file: --out terrains.png")
    if path.suffix.lower() != ".png":
        raise ParkourError(f"--out: got {path.name!r}, expected a .png file", hint=f"--out {path.with_suffix('.png')}")


def _all_names() -> list[str]:
    from parkour.registry.registry import default_registry

    registry = default_registry()
    bare = [item.spec.name for item in registry.specs("terrain")]
    return [item.spec.name if bare.count(item.spec.name) == 1 else item.id for item in registry.specs("terrain")]


def _with_depth(rows: list[list[Scene]], task_name: str) -> list[list[Scene]]:
    """The scenes with the depth picture and the finished image from each start."""
    from dataclasses import replace

    from parkour.tasks import load_task
    from parkour.tasks.depth_view import DepthViewer

    viewer = DepthViewer(load_task(task_name))
    return [[replace(scene, depth=viewer(scene.patch)) for scene in row] for row in rows]


def _numbers(changes: list[str], names: list[str]) -> dict[str, dict[str, Any]]:
    """What ``--set`` says: of the course, under ``course``, and of each terrain's parameters, under its name."""
    found: dict[str, dict[str, Any]] = {"course": {}, **{name: {} for name in names}}
    for path, value in read_changes(changes).items():
        parts = tuple(path.split("."))
        if parts[0] == "course" and len(parts) == 2:
            found["course"][parts[1]] = value
        elif parts[0] == "terrains" and parts[2:3] == ("params",) and len(parts) == 4 and parts[1] in names:
            found[parts[1]][parts[3]] = value
        else:
            raise TaskError(
                f"--set: got {path!r}, expected a number of a terrain that is drawn, or of the course",
                hint=f"terrains.{names[0]}.params.NAME=VALUE or course.NAME=VALUE; parkour plugins show {names[0]}",
            )
    return found


def _scenes(
    name: str, difficulties: list[float], seed: int, numbers: Mapping[str, dict[str, Any]] = MappingProxyType({})
) -> list[Scene]:
    """The terrain at each difficulty, or once where it makes none; ``numbers``: see :func:`_numbers`."""
    import numpy as np

    from parkour.registry.registry import default_registry
    from parkour.tasks.components import load_component
    from parkour.tasks.sections import CourseField
    from parkour.tasks.validation import validate
    from parkour.terrain.field import build_patch
    from parkour.terrain.preview import Scene
    from parkour.terrain.raster import Grid

    found = default_registry().get("terrain", name)
    terrain = load_component(found, name, numbers.get(name, {}), ("terrains", name, "params"))
    course = validate(CourseField, numbers.get("course", {}), path=("course",))
    drawn_on = Grid.of_patch(course.cell, course.length, course.width)
    graded = _graded(name)
    scenes: list[Scene] = []
    for difficulty in difficulties if graded else difficulties[:1]:
        streams = [np.random.default_rng([seed % 2**32, k]) for k in range(2)]
        patch = build_patch(name, terrain.target, terrain.params, difficulty, course, streams, drawn_on)
        scenes.append(Scene(name, difficulty if graded else None, patch, drawn_on))
    return scenes
