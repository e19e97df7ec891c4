"""``parkour terrains import``: a height map or a mesh becomes a course."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkour.commands import grouped, notice
from parkour.errors import ParkourError

if TYPE_CHECKING:
    from parkour.terrain.importing.course import ImportedCourse, Placement
    from parkour.terrain.importing.readers import Scales

FALLEN = -0.25 - 0.3
"""Ground lower than this [m]: a robot that stands on it counts as fallen in the built-in tasks."""


@dataclass(frozen=True)
class SurfaceOptions:
    """What the numbers of the file mean."""

    spacing: Annotated[float, typer.Option(min=1e-4, max=10.0, help="Height maps: from sample to sample [m].")] = 0.05
    height: Annotated[
        float, typer.Option(help="Height maps: from black to white in a PNG, what 1 is in an NPY file [m].")
    ] = 1.0
    scale: Annotated[float, typer.Option(min=1e-6, max=1e6, help="Meshes: their unit [m]; 0.001 is millimetres.")] = 1.0
    up: Annotated[str, typer.Option(metavar="AXIS", help="Meshes: the axis that points up, x, y or z.")] = "z"

    def scales(self) -> Scales:
        """For :func:`parkour.terrain.importing.readers.read_surface`.

        Raises:
            ParkourError: there is no such axis.
        """
        from parkour.terrain.importing.readers import Scales

        if self.up not in ("x", "y", "z"):
            raise ParkourError(f"--up: got {self.up!r}, expected x, y or z")
        return Scales(self.spacing, self.height, self.scale, self.up)


@dataclass(frozen=True)
class CourseOptions:
    """The course that is laid on the surface."""

    tolerance: Annotated[
        float, typer.Option(min=0.001, max=1.0, help="Greatest distance between boxes and surface [m].")
    ] = 0.05
    cell: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Side of the cells in which they are compared [m].")
    ] = 0.05
    max_boxes: Annotated[int, typer.Option(min=3, max=512, help="Boxes it may take.")] = 512
    start: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="X Y",
            help="Where the course begins, and its middle line, in the file's metres. [default: at the least x, in "
            "the middle]",
        ),
    ] = None
    goal: Annotated[
        list[str],
        typer.Option(
            metavar="X,Y", help="Way point in patch coordinates [m]; repeat it. [default: 8 along the middle]"
        ),
    ] = field(default_factory=list)

    def placement(self) -> Placement:
        """For :func:`parkour.terrain.importing.course.lay_course`.

        Raises:
            ParkourError: a way point is none.
        """
        from parkour.terrain.importing.course import Placement

        return Placement(
            start=self.start, cell=self.cell, tolerance=self.tolerance, max_boxes=self.max_boxes,
            goals=_points(self.goal),
        )  # fmt: skip


@grouped
def import_terrain(
    file: Annotated[Path, typer.Argument(help="Height map (.png, .npy) or mesh (.stl, .obj).", show_default=False)],
    surface: SurfaceOptions,
    course: CourseOptions,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write, .npz. [default: the name of FILE, here]")
    ] = None,
) -> None:
    """Make a course of real ground: boxes, level and sloping, within a tolerance of its surface."""
    from parkour.storage import check_writable, whole_file
    from parkour.terrain.importing.course import lay_course
    from parkour.terrain.importing.file import save_course
    from parkour.terrain.importing.readers import read_surface

    target = out or Path(file.stem + ".npz")
    if target.suffix.lower() != ".npz":
        raise ParkourError(f"--out: got {target.name!r}, expected a .npz file", hint=f"--out {target.stem}.npz")
    scales, placement = surface.scales(), course.placement()
    check_writable(target, "--out")
    ground = read_surface(file, scales, placement.cell)
    made = lay_course(ground, placement)
    with whole_file(target, "--out") as part:
        save_course(made.sub_terrain, part)
    _report(made, target)
    print(target)


def _points(texts: list[str]) -> list[tuple[float, float]]:
    points = []
    for text in texts:
        try:
            x, y = (float(part) for part in text.split(","))
        except ValueError:
            raise ParkourError(f"--goal: got {text!r}, expected X,Y", hint="--goal 4.5,-0.3") from None
        points.append((x, y))
    return points


def _report(made: ImportedCourse, target: Path) -> None:
    count, (length, width) = len(made.sub_terrain.boxes), made.surface.size
    notice(
        f"{length:.2f} x {width:.2f} m of ground, {made.lowest:.2f} to {made.highest:.2f} m high: {count} boxes, "
        f"{made.error:.3f} m off at most"
    )
    if made.bare > 0.0:
        notice(f"{made.bare:.1%} of it are holes of the mesh, laid as pits as deep as its lowest place")
    if made.lowest < FALLEN:
        notice(
            f"robots on ground below {FALLEN:g} m count as fallen: "
            f"--set terminations.base_too_low.params.height={made.lowest - 0.1:.2f} allows it"
        )
    notice(f"draw it: parkour terrains preview imported --set terrains.imported.params.file={target}{_room(count, 48)}")
    notice(
        "train on it: parkour train go2-teacher --set terrains.imported.share=0.2 "
        f"--set terrains.imported.params.file={target}{_room(count, 40)}"
    )


def _room(count: int, allowed: int) -> str:
    return f" --set course.max_boxes={count}" if count > allowed else ""
