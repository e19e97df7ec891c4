"""Checks of terrains, over difficulties and seeds."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np

from parkour.errors import TerrainError
from parkour.tasks.sections import CourseField
from parkour.terrain.field import Patch, build_patch, generate
from parkour.terrain.raster import FLOOR, OPEN, Grid, ceiling_raster, height_raster
from parkour.terrain.sub_terrain import LEVEL_START, MARGIN, PATCH_LENGTH, PATCH_WIDTH, SubTerrain
from parkour.testing.subject import CheckFailed, DoesNotApply, NotChecked, Subject, expect

CELL = 0.05
"""Of the rasters that heights are read from [m]."""
LOWEST_GOAL = -0.3
"""Ground lower than this under a way point [m]: a robot that stands there counts as fallen in the built-in tasks."""
ROOMY = 128
"""Boxes and way points allowed with parameters at their bounds."""
ALONG = 0.02
"""Distance between looks along the course [m]."""
LOW = 0.15
"""Nobody gets through where what hangs overhead leaves less than this [m]."""
LEVEL = 1e-3
"""Heights are equal within this [m]."""


@dataclass(frozen=True)
class Drawn:
    """One sub-terrain, or why there is none."""

    difficulty: float
    seed: int
    sub_terrain: SubTerrain | None
    problem: str = ""

    @property
    def where(self) -> str:
        return f"difficulty {self.difficulty:.2f}, seed {self.seed}"


def draws(subject: Subject) -> list[Drawn]:
    """Every difficulty with every seed; made once per subject."""
    if "draws" not in subject.cache:
        difficulties = np.linspace(0.0, 1.0, max(subject.options.difficulties, 2)).tolist()
        subject.cache["draws"] = [
            _draw(subject, difficulty, seed) for difficulty in difficulties for seed in range(subject.options.seeds)
        ]
    return subject.cache["draws"]


def course_of(subject: Subject) -> CourseField:
    """The field's numbers under which patches are made."""
    return CourseField(max_boxes=subject.options.max_boxes, max_goals=subject.options.max_goals, cell=CELL)


def _draw(subject: Subject, difficulty: float, seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    try:
        made = generate(subject.spec.name, subject.target, subject.params, difficulty, course_of(subject), rng)
    except TerrainError as error:
        return Drawn(difficulty, seed, None, error.message)
    return Drawn(difficulty, seed, made)


def sound(subject: Subject) -> list[tuple[Drawn, SubTerrain]]:
    """Draws that keep the contract.

    Raises:
        NotChecked: there are none.
    """
    found = [(drawn, drawn.sub_terrain) for drawn in draws(subject) if drawn.sub_terrain is not None]
    if not found:
        raise NotChecked("no draw is valid")
    return found


def valid_everywhere(subject: Subject) -> str:
    """Every draw is a valid sub-terrain: finite, within the boxes and way points allowed, inside the patch."""
    all_draws = draws(subject)
    bad = [drawn for drawn in all_draws if drawn.sub_terrain is None]
    if bad:
        raise CheckFailed(f"{len(bad)} of {len(all_draws)} draws fail, first at {bad[0].where}: {bad[0].problem}")
    counts = [len(made.boxes) for _, made in sound(subject)]
    return f"{len(all_draws)} draws, {_span(counts)} of {subject.options.max_boxes} boxes"


def valid_at_bounds(subject: Subject) -> str:
    """Draws are valid with every parameter at its bounds."""
    fields = type(subject.params).model_fields if subject.params is not None else {}
    # How many boxes and way points there may be is the task's to say, which can say it with the parameter.
    roomy = dataclasses.replace(subject.options, max_boxes=ROOMY, max_goals=ROOMY)
    tried = []
    for name, field in fields.items():
        bounds = [getattr(item, key) for item in field.metadata for key in ("ge", "le") if hasattr(item, key)]
        for bound in bounds:
            try:
                params = type(subject.params)(**{name: bound})
            except ValueError:  # The model has further rules.
                continue
            extreme = dataclasses.replace(subject, params=params, options=roomy)
            for difficulty, seed in itertools.product((0.0, 1.0), range(10)):
                drawn = _draw(extreme, difficulty, seed)
                expect(not drawn.problem, f"with {name} = {bound:g} at {drawn.where}: {drawn.problem}")
            tried.append(name)
    if not tried:
        raise DoesNotApply("no parameter has bounds")
    return ", ".join(dict.fromkeys(tried))


def repeatable(subject: Subject) -> str:
    """One seed gives one patch, whatever the global random numbers."""
    kept = [drawn for drawn, _ in sound(subject)][:: max(1, len(draws(subject)) // 12)]
    for drawn in kept:
        state = np.random.get_state()
        try:
            np.random.seed(drawn.seed + 1)
            again = _draw(subject, drawn.difficulty, drawn.seed).sub_terrain
        finally:
            np.random.set_state(state)
        first = drawn.sub_terrain
        assert first is not None
        same = again is not None and list(again.boxes) == list(first.boxes) and np.array_equal(again.goals, first.goals)
        expect(same, f"two patches of one seed differ at {drawn.where}: draw from the generator that is given, alone")
    return f"{len(kept)} patches made twice"


def starts_level(subject: Subject) -> str:
    """It begins with a level platform at height 0, as long as robots need."""
    grid = Grid.of_patch(CELL)
    before = round((LEVEL_START - grid.origin[0]) / grid.cell) - 1
    inside = _inside(grid)
    for drawn, made in _sample(subject):
        platform = height_raster(made.boxes, grid)[:before, inside]
        off = float(np.abs(platform).max())
        expect(
            off <= LEVEL,
            f"the start platform (x up to {LEVEL_START} m) is {off:.3g} m off height 0 at {drawn.where}",
        )
        x, y, z = made.spawn
        expect(
            0.0 <= x <= LEVEL_START and abs(z) <= LEVEL,
            f"robots start at ({x:.2f}, {y:.2f}, {z:.2f}), expected on the start platform, at {drawn.where}",
        )
    return f"x up to {LEVEL_START} m"


def reaches_past_the_border(subject: Subject) -> str:
    """Ground or pit floor reaches past the patch on every side."""
    grid = Grid.of_patch(CELL)
    for drawn, made in _sample(subject):
        heights = height_raster(made.boxes, grid)
        hole = np.argwhere(heights <= FLOOR)
        if len(hole):
            x, y = (grid.centers(axis)[hole[0][axis]] for axis in (0, 1))
            raise CheckFailed(
                f"nothing under ({x:.2f}, {y:.2f}) at {drawn.where}: ground or pit floor must reach {MARGIN:g} m past "
                f"the patch ({PATCH_LENGTH:g} by {PATCH_WIDTH:g} m) on all sides"
            )
    return f"{MARGIN:g} m on all sides"


def way_points_on_ground(subject: Subject) -> str:
    """Way points lie where a robot can stand."""
    grid = Grid.of_patch(CELL)
    lowest = 0.0
    for drawn, made in _sample(subject):
        heights = height_raster(made.boxes, grid)
        goals = np.asarray(made.goals, float)
        ground = np.max([heights[grid.index(goals + shift)] for shift in _AROUND], axis=0)
        k = int(ground.argmin())
        lowest = min(lowest, float(ground[k]))
        expect(
            ground[k] >= LOWEST_GOAL,
            f"way point {k} at ({goals[k, 0]:.2f}, {goals[k, 1]:.2f}) lies over ground at {ground[k]:.2f} m, expected "
            f"{LOWEST_GOAL} m or higher, at {drawn.where}",
        )
    return f"lowest at {lowest:.2f} m"


def room_below(subject: Subject) -> str:
    """Robots fit under what hangs over the way."""
    grid = Grid.of_patch(CELL)
    least = np.inf
    for drawn, made in _sample(subject):
        ceiling = ceiling_raster(made.boxes, grid)
        if ceiling is None:
            continue
        path = path_of(made)
        room = (ceiling - height_raster(made.boxes, grid))[grid.index(path)]
        k = int(room.argmin())
        least = min(least, float(room[k]))
        expect(
            room[k] >= LOW,
            f"{room[k]:.2f} m between ground and ceiling at ({path[k, 0]:.2f}, {path[k, 1]:.2f}) on the way, expected "
            f"{LOW} m or more, at {drawn.where}",
        )
    if not np.isfinite(least):
        raise DoesNotApply("nothing hangs overhead")
    return f"{least:.2f} m or more" if least < OPEN / 2 else "beside the way alone"


def path_of(made: SubTerrain) -> np.ndarray:
    """``[n, 2]`` points on the straight lines from the start over all way points."""
    points = np.concatenate([[made.spawn[:2]], np.asarray(made.goals, float)])
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    distance = np.concatenate([[0.0], np.cumsum(lengths)])
    keep = np.concatenate([[True], np.diff(distance) > 1e-9])
    at = np.arange(0.0, max(distance[-1], ALONG), ALONG)
    return np.stack([np.interp(at, distance[keep], points[keep, axis]) for axis in (0, 1)], axis=-1)


def takes_roughness(subject: Subject) -> str:
    """Patches build with bumps and rasters, as in a field."""
    bumps = []
    for drawn, made in _sample(subject, 8):
        patch = patch_of(subject, drawn)
        expect(np.isfinite(patch.height).all(), f"the height raster is not finite at {drawn.where}")
        bumps.append(len(patch.boxes) - len(made.boxes))
    return f"{_span(bumps)} bumps"


def patch_of(subject: Subject, drawn: Drawn) -> Patch:
    """A draw as the field builds it."""
    streams = [np.random.default_rng(drawn.seed), np.random.default_rng([drawn.seed, 1])]
    return build_patch(
        subject.spec.name,
        subject.target,
        subject.params,
        drawn.difficulty,
        course_of(subject),
        streams,
        Grid.of_patch(CELL),
    )


def _span(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


_AROUND = np.array([(x, y) for x in (-0.1, 0.0, 0.1) for y in (-0.1, 0.0, 0.1)])
"""Offsets at which a robot that has reached a way point may stand [m]: points at edges are common."""


def _sample(subject: Subject, count: int = 60) -> list[tuple[Drawn, SubTerrain]]:
    """Some of the sound draws, spread over difficulties and seeds, the first and the last among them."""
    found = sound(subject)
    picked = np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int))
    return [found[k] for k in picked]


def _inside(grid: Grid) -> np.ndarray:
    """Columns of a raster within the patch's width."""
    return np.abs(grid.centers(1)) <= PATCH_WIDTH / 2


CHECKS = (
    valid_everywhere,
    valid_at_bounds,
    repeatable,
    starts_level,
    reaches_past_the_border,
    way_points_on_ground,
    room_below,
    takes_roughness,
)
