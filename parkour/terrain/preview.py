"""The page of ``parkour terrains preview``: each patch as a shaded picture and as a map with goals and edges.

Needs matplotlib, imported when a page is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from parkour.storage import whole_file
from parkour.terrain.box import Box
from parkour.terrain.field import Patch
from parkour.terrain.palette import PALETTE
from parkour.terrain.picture import Camera, render, smaller
from parkour.terrain.raster import OPEN, Grid
from parkour.terrain.sub_terrain import MARGIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

VIEW = (0.42, 0.85, -0.62)
"""Direction of the camera: from behind the start, to the right of the course and above it."""
BELOW = 0.25
"""The ground is shown this thick under its lowest surface [m]."""
POLE = 0.45
"""Height of the goals' flags [m]."""
EDGE = (0.86, 0.08, 0.35, 0.85)
OVERHEAD = (0.42, 0.25, 0.72, 0.55)
GOAL, START, INK = "#1f5fbf", "#1c8a4c", "#30343b"
NUMBER: dict[str, Any] = {"color": "white", "ha": "center", "va": "center", "weight": "bold"}
SUPERSAMPLING = 2
HEIGHT, HEIGHT_BESIDE, DEPTH_HEIGHT = 4.8, 3.6, 2.6
"""Of a course with its map below or beside it, and of a row of depth pictures [inches]."""
PIXELS_PER_METRE = 62
DPI = 110


@dataclass(frozen=True)
class Scene:
    """A patch to show, and what it is."""

    name: str
    difficulty: float | None
    """None where the terrain's courses do not depend on it."""
    patch: Patch
    grid: Grid
    depth: Sequence[DepthView] = ()
    """What a camera sees at the start, drawn below the course."""

    @property
    def size(self) -> tuple[float, float]:
        """Extents of the patch, without its margin [m]."""
        nx, ny = self.grid.shape
        return nx * self.grid.cell - 2 * MARGIN, ny * self.grid.cell - 2 * MARGIN


@dataclass(frozen=True)
class DepthView:
    """A depth picture to show."""

    title: str
    values: np.ndarray
    """``[rows, columns]``, from top to bottom and from left to right."""
    low: float
    """Drawn brightest: near."""
    high: float
    """Drawn darkest: far, or nothing."""
    unit: str = ""


def save_page(scenes: Sequence[Sequence[Scene]], path: Path) -> None:
    """Draws a page of patches and writes it as PNG.

    Args:
        scenes: rows of patches. A single column is drawn as picture and map side by side, several columns with each
            map under its picture.
        path: where to.

    Raises:
        StorageError: the file cannot be written.
    """
    figure = draw_page(scenes)
    with whole_file(path, "--out") as part:
        figure.savefig(part, format="png", dpi=DPI, facecolor="white")


def draw_page(scenes: Sequence[Sequence[Scene]]) -> Figure:
    """The page as a matplotlib figure that no window shows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(len(row) for row in scenes)
    beside = columns == 1
    width, height = (15.5, HEIGHT_BESIDE) if beside else (7.2, HEIGHT)
    height += DEPTH_HEIGHT if any(scene.depth for row in scenes for scene in row) else 0.0
    figure = Figure(figsize=(width * columns + 1.0, height * len(scenes)), layout="constrained")
    FigureCanvasAgg(figure)
    halves: Any = figure.subfigures(1, 2, width_ratios=(width * columns, 1.0))
    parts: Any = halves[0].subfigures(len(scenes), columns, squeeze=False)
    for row, line in enumerate(scenes):
        for part, scene in zip(parts[row], line, strict=False):
            _draw_scene(part, scene, beside)
    _draw_bar(halves[1], min(0.8, 2.6 / (height * len(scenes))))
    return figure


def _draw_scene(part: SubFigure, scene: Scene, beside: bool) -> None:
    title = scene.name if scene.difficulty is None else f"{scene.name}   d = {scene.difficulty:.2f}"
    part.suptitle(title, x=0.012, ha="left", color=INK, weight="bold")
    if scene.depth:
        halves: Any = part.subfigures(2, 1, height_ratios=(1, DEPTH_HEIGHT / (HEIGHT_BESIDE if beside else HEIGHT)))
        part, below = halves
        _draw_depth(below, scene.depth)
    shape = {"ncols": 2, "width_ratios": (1.35, 1)} if beside else {"nrows": 2, "height_ratios": (1.75, 1)}
    picture, plan = part.subplots(**shape)
    _draw_picture(picture, scene, 1.0 if beside else 0.7)
    _draw_map(plan, scene)


def _draw_depth(part: SubFigure, views: Sequence[DepthView]) -> None:
    for axes, view in zip(part.subplots(1, len(views), squeeze=False)[0], views, strict=True):
        shown = axes.imshow(view.values, cmap="magma_r", vmin=view.low, vmax=view.high, interpolation="none")
        axes.set_title(view.title, fontsize=9, color=INK)
        axes.tick_params(colors=INK, labelsize=7)
        bar = part.colorbar(shown, ax=axes, shrink=0.8, pad=0.02)
        bar.set_label(view.unit, color=INK, fontsize=8)
        bar.ax.tick_params(colors=INK, labelsize=7)


def _draw_bar(part: SubFigure, height: float) -> None:
    """The scale of heights, of the same size whatever the page's."""
    from matplotlib.cm import ScalarMappable

    cmap, norm = _colours()
    bar = part.colorbar(ScalarMappable(norm, cmap), cax=part.add_axes((0.1, 0.5 - height / 2, 0.16, height)))
    bar.set_label("height [m]", color=INK)
    bar.ax.tick_params(colors=INK, labelsize=8)


def _colours() -> tuple[Any, Any]:
    """Colour map and norm of :data:`PALETTE`."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    low, high = PALETTE[0][0], PALETTE[-1][0]
    stops = [((height - low) / (high - low), colour) for height, colour in PALETTE]
    return LinearSegmentedColormap.from_list("course", stops, N=1024), Normalize(low, high, clip=True)


def _shown(boxes: Sequence[Box], bottom: float, size: tuple[float, float]) -> list[Box]:
    """Boxes cut off at the patch's border and at ``bottom`` (level ones), as in a model on a table."""
    low, high = np.array([0.0, -size[1] / 2, bottom]), np.array([size[0], size[1] / 2, np.inf])
    cut: list[Box] = []
    for box in boxes:
        if np.abs(box.rotation() - np.eye(3)).max() > 1e-9:
            cut.append(box)
            continue
        center, half = np.array(box.center), np.array(box.half_size)
        least, most = np.maximum(center - half, low), np.minimum(center + half, high)
        if (most > least).all():
            x, y, z = ((least + most) / 2).tolist()
            hx, hy, hz = ((most - least) / 2).tolist()
            cut.append(Box((x, y, z), (hx, hy, hz), box.quat, box.walkable))
    return cut


def _on_ground(scene: Scene, xy: np.ndarray) -> np.ndarray:
    """``[n, 3]`` points on the surface under ``xy`` ``[n, 2]``."""
    xy = np.asarray(xy, float)
    return np.concatenate([xy, scene.patch.height[scene.grid.index(xy)][:, None]], -1)


def _draw_picture(axes: Axes, scene: Scene, size: float) -> None:
    cmap, norm = _colours()
    heights = scene.patch.height
    surface = heights[heights > -2.5]
    bottom = float(surface.min() if surface.size else 0.0) - BELOW
    (length, width) = scene.size
    boxes = _shown(scene.patch.boxes, bottom, scene.size)
    corners = np.stack(np.meshgrid([0.0, length], [-width / 2, width / 2], [bottom, 0.0], indexing="ij"), -1).reshape(
        -1, 3
    )
    goals = _on_ground(scene, scene.patch.sub_terrain.goals)
    up = np.array([0.0, 0.0, 1.0])
    flags = goals + POLE * up
    camera = Camera.around(
        np.concatenate([corners, goals, flags + 0.2 * up]),
        VIEW,
        PIXELS_PER_METRE * size * SUPERSAMPLING,
    )
    image = smaller(render(boxes, camera, lambda z: cmap(norm(z))[..., :3]), SUPERSAMPLING)
    axes.imshow(image, interpolation="antialiased")
    axes.set_axis_off()
    _draw_flags(axes, camera, goals, flags, 8.5 * size**0.5)
    x, y, z = scene.patch.sub_terrain.spawn
    arrow = camera.project(np.array([[x - 0.25, y, z], [x + 0.45, y, z]])) / SUPERSAMPLING
    style = {"arrowstyle": "-|>,head_width=0.35,head_length=0.7", "color": START, "lw": 2.4 * size}
    axes.annotate("", xy=arrow[1], xytext=arrow[0], arrowprops=style)


def _draw_flags(axes: Axes, camera: Camera, goals: np.ndarray, flags: np.ndarray, fontsize: float) -> None:
    feet, heads = camera.project(goals) / SUPERSAMPLING, camera.project(flags) / SUPERSAMPLING
    axes.plot(*feet.T, "o", ms=fontsize * 0.45, color=GOAL, mec="white", mew=0.8, zorder=3)
    for k, (foot, head) in enumerate(zip(feet, heads, strict=True)):
        axes.plot(*np.stack([foot, head]).T, color=GOAL, lw=1.3, zorder=3)
        ball = {"boxstyle": "circle,pad=0.25", "fc": GOAL, "ec": "white", "lw": 0.8}
        axes.text(head[0], head[1], str(k), bbox=ball, fontsize=fontsize, zorder=4 + k, **NUMBER)


def _draw_map(axes: Axes, scene: Scene) -> None:
    cmap, norm = _colours()
    (x0, y0), (nx, ny), cell = scene.grid.origin, scene.grid.shape, scene.grid.cell
    extent = (x0, x0 + nx * cell, y0, y0 + ny * cell)
    axes.imshow(scene.patch.height.T, origin="lower", extent=extent, cmap=cmap, norm=norm, interpolation="none")
    edges = np.zeros((ny, nx, 4))
    edges[scene.patch.edge.T] = EDGE
    axes.imshow(edges, origin="lower", extent=extent, interpolation="none")
    if scene.patch.ceiling is not None:
        over = np.zeros((ny, nx, 4))
        over[scene.patch.ceiling.T < OPEN] = OVERHEAD
        axes.imshow(over, origin="lower", extent=extent, interpolation="none")
    goals = np.asarray(scene.patch.sub_terrain.goals)
    axes.plot(*goals.T, color=GOAL, lw=1.0, alpha=0.7)
    for k, goal in enumerate(goals):
        ball = {"boxstyle": "circle,pad=0.2", "fc": GOAL, "ec": "white", "lw": 0.7}
        axes.text(goal[0], goal[1], str(k), bbox=ball, fontsize=6.5, **NUMBER)
    x, y, _ = scene.patch.sub_terrain.spawn
    axes.plot([x], [y], ">", color=START, ms=8, mec="white", mew=0.8)
    axes.set(xlim=(0, scene.size[0]), ylim=(-scene.size[1] / 2, scene.size[1] / 2), aspect="equal")
    axes.set_xlabel("x [m]", color=INK)
    axes.set_ylabel("y [m]", color=INK)
    axes.tick_params(colors=INK, labelsize=8)
    axes.plot([], [], "s", color=EDGE, ms=5, label="edges")
    if scene.patch.ceiling is not None:
        axes.plot([], [], "s", color=OVERHEAD, ms=5, label="overhead")
    axes.plot([], [], "o", color=GOAL, ms=5, label="goals")
    axes.plot([], [], ">", color=START, ms=5, label="start")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.01), ncols=4, frameon=False, fontsize=8, labelcolor=INK)
