"""The built-in generators against the formulas of the task: lengths, heights, offsets, way points over many draws."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest

from parkour.specs import TerrainSpec
from parkour.terrain.box import Box
from parkour.terrain.raster import Grid, height_raster
from parkour.terrain.sub_terrain import LEVEL_START, MARGIN, PATCH_LENGTH, PATCH_WIDTH, START_PLATFORM, SubTerrain
from parkour_terrains.plugin import register_terrains
from tests.components import load

SPECS: dict[str, TerrainSpec] = {spec.name: spec for spec in register_terrains()}
DRAWS = 1000
DIFFICULTIES = (0.0, 0.35, 1.0)
OBSTACLES = ("gap", "hurdle", "step", "tilt")
each_difficulty = pytest.mark.parametrize("d", DIFFICULTIES)


def make(name: str, difficulty: float, seed: int, **changes: object) -> SubTerrain:
    spec = SPECS[name]
    assert spec.params is not None
    return load(spec.target)(difficulty, np.random.default_rng(seed), load(spec.params)(**changes))


@cache
def drawn(name: str, difficulty: float) -> list[SubTerrain]:
    return [make(name, difficulty, seed) for seed in range(DRAWS)]


def ends(box: Box, axis: int) -> tuple[float, float]:
    """Ends of a box along x (0) or y (1), whatever its roll about x; along y those of the top, seen from above."""
    half = box.half_size[axis] * box.rotation()[axis, axis]
    middle = top_middle(box)[axis]
    return middle - half, middle + half


def top_middle(box: Box) -> np.ndarray:
    return np.array(box.center) + box.rotation()[:, 2] * box.half_size[2]


def assert_uniform(values: list[float] | np.ndarray, low: float, high: float) -> None:
    """Kolmogorov–Smirnov at about one in a thousand, and hard bounds."""
    sample = np.sort(np.asarray(values, float))
    assert sample[0] >= low - 1e-9 and sample[-1] <= high + 1e-9
    if high - low < 1e-9:
        return
    expected = (sample - low) / (high - low)
    n = len(sample)
    gap = np.maximum(np.arange(1, n + 1) / n - expected, expected - np.arange(n) / n).max()
    assert gap * math.sqrt(n) < 1.95, f"{gap=} over {n} draws is not uniform in [{low}, {high}]"


# -- every generator ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SPECS if name != "field"])
@each_difficulty
def test_every_draw_keeps_the_contract_within_48_boxes_and_8_goals(name: str, d: float) -> None:
    for patch in drawn(name, d):
        patch.check(name, max_boxes=48, max_goals=8)
        assert len(patch.goals) == 8
        assert (np.diff(patch.goals[:, 0]) >= 0).all()
        assert 1.4 < patch.goals[0, 0] <= START_PLATFORM and patch.goals[0, 1] == 0.0
        assert patch.goals[7, 0] <= PATCH_LENGTH
        assert patch.goals[7, 1] == (patch.goals[5, 1] if name == "demo" else 0.0)
        assert patch.spawn == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("block", range(4))
def test_every_generator_fits_over_all_difficulties(name: str, block: int) -> None:
    for seed in range(250 * block, 250 * (block + 1)):
        make(name, (seed % 250) / 249, 10_000 + seed).check(name, max_boxes=48, max_goals=8)


@pytest.mark.parametrize("name", SPECS)
@each_difficulty
def test_start_platform_is_level_and_the_ground_reaches_past_the_patch(name: str, d: float) -> None:
    grid = Grid.of_patch(0.05)
    level = LEVEL_START if name == "demo" else START_PLATFORM
    before = int((level - 0.025 - grid.origin[0]) / grid.cell)
    for patch in drawn(name, d)[:40]:
        heights = height_raster(patch.boxes, grid)
        assert (heights[:before] == 0.0).all()
        assert heights.min() >= -1.0
        least = [min(ends(box, axis)[0] for box in patch.boxes) for axis in (0, 1)]
        most = [max(ends(box, axis)[1] for box in patch.boxes) for axis in (0, 1)]
        assert least[0] <= -MARGIN and most[0] >= PATCH_LENGTH + MARGIN
        assert least[1] <= -PATCH_WIDTH / 2 - MARGIN and most[1] >= PATCH_WIDTH / 2 + MARGIN


@pytest.mark.parametrize("name", SPECS)
def test_terrains_depend_on_the_difficulty_if_they_say_so(name: str) -> None:
    easy, hard = (make(name, difficulty, 3) for difficulty in (0.0, 1.0))
    differ = [box.row().tolist() for box in easy.boxes] != [box.row().tolist() for box in hard.boxes]
    assert differ == SPECS[name].graded


def test_level_ground_alone_declares_itself_flat() -> None:
    assert [name for name, spec in SPECS.items() if spec.flat] == ["flat", "field"]


def test_the_field_is_wide_and_level_with_its_way_point_out_of_the_way() -> None:
    for patch in drawn("field", 0.5):
        patch.check("field", max_boxes=48, max_goals=8)
        (ground,) = patch.boxes
        assert min(ground.half_size[:2]) > 50.0 and ground.center[2] + ground.half_size[2] == 0.0
        assert patch.goals.tolist() == [[16.0, 2.0]]


# -- crawl -------------------------------------------------------------------------------------------------------------


@each_difficulty
def test_bars_hang_at_one_clearance_across_the_whole_patch(d: float) -> None:
    lengths, spaces = [], []
    for patch in drawn("crawl", d):
        ground, *bars = patch.boxes
        assert not ground.overhead and all(bar.overhead and not bar.walkable for bar in bars)
        middles = [bar.center[0] for bar in bars]
        for bar in bars:
            assert bar.center[2] - bar.half_size[2] == pytest.approx(0.45 + (0.22 - 0.45) * d)
            assert ends(bar, 1) == pytest.approx((-PATCH_WIDTH / 2 - MARGIN, PATCH_WIDTH / 2 + MARGIN))
            assert bar.half_size[2] == pytest.approx(0.25), "a bar that can be climbed"
            lengths.append(2 * bar.half_size[0])
        for before, middle, goal in zip((START_PLATFORM, *middles), middles, patch.goals[1:], strict=False):
            spaces.append(middle - before)
            assert goal[0] == pytest.approx((before + middle) / 2)
            assert abs(goal[1]) <= 0.4
        assert ends(bars[-1], 0)[1] < patch.goals[-1, 0]
    assert_uniform(lengths, 0.2, 0.5)
    assert_uniform(spaces, 1.2, 2.2)


def test_bars_as_walls_are_the_same_bars() -> None:
    hanging, walls = make("crawl", 0.5, 4), make("crawl", 0.5, 4, overhead=False)
    assert [box.row().tolist() for box in hanging.boxes] == [box.row().tolist() for box in walls.boxes]
    assert not any(box.overhead for box in walls.boxes)


# -- gap ---------------------------------------------------------------------------------------------------------------


@each_difficulty
def test_gap_formulas(d: float) -> None:
    lengths, halves, offsets, depths, first = [], [], [], [], []
    length, left_out = 0.1 + 0.7 * d, 0
    for patch in drawn("gap", d):
        floor, *platforms = patch.boxes
        spans = [ends(box, 0) for box in platforms]
        gaps = [after[0] - before[1] for before, after in itertools.pairwise(spans)]
        assert gaps[0] == pytest.approx(0.0), "an offset platform follows the start platform at once"
        assert gaps[1:] == pytest.approx([length] * (len(gaps) - 1))
        left_out += len(gaps) - 1 < 6
        assert spans[0] == pytest.approx((-MARGIN, START_PLATFORM)) and spans[-1][1] >= PATCH_LENGTH
        assert spans[-1][0] <= PATCH_LENGTH - 0.5, "room to land on"
        between = platforms[1:-1]
        lengths += [end - begin for begin, end in spans[2:-1]]
        first.append(spans[1][1])
        widths = {round(box.half_size[1], 9) for box in between}
        assert len(widths) == 1
        halves.append(widths.pop())
        offsets += [box.center[1] for box in between]
        depths.append(-top_middle(floor)[2])
        for box in platforms:
            assert top_middle(box)[2] == pytest.approx(0.0)
            assert box.center[2] - box.half_size[2] <= -depths[-1] + 1e-9, "a platform hangs over the pit"
        middles = [((begin + end) / 2, box.center[1]) for (begin, end), box in zip(spans[1:-1], between, strict=True)]
        middles[0] = (middles[0][0] + length / 4, middles[0][1])
        assert patch.goals[1 : 1 + len(middles)] == pytest.approx(np.array(middles))
        assert patch.goals[7, 0] > spans[-1][0]
    # The sixth gap does not always fit into the patch where gaps are longest; those courses bias no other draw much.
    assert left_out == 0 if d < 1 else left_out < 0.06 * DRAWS
    if not left_out:
        assert_uniform(lengths, 0.8, 1.5)
    assert_uniform(first, START_PLATFORM + 0.8 + length / 2, START_PLATFORM + 1.5 + length / 2)
    assert min(first) > 3.34 and max(first) < 4.41
    assert_uniform(halves, 0.6, 1.2)
    assert_uniform(offsets, -0.4, 0.4)
    assert_uniform(depths, 0.2, 1.0)


# -- hurdle and flat ---------------------------------------------------------------------------------------------------


@each_difficulty
def test_hurdle_formulas(d: float) -> None:
    spacings, heights, halves, offsets = [], [], [], []
    for patch in drawn("hurdle", d):
        hurdles = patch.boxes[1:]
        assert len(hurdles) == 6
        x = np.array([box.center[0] for box in hurdles])
        spacing = np.diff(x, prepend=START_PLATFORM)
        spacings += spacing.tolist()
        assert [2 * box.half_size[0] for box in hurdles] == pytest.approx([0.1 + 0.3 * d] * 6)
        heights += [top_middle(box)[2] for box in hurdles]
        halves.append(hurdles[0].half_size[1])
        offsets += [box.center[1] for box in hurdles]
        assert patch.goals[1:7, 0] == pytest.approx(x - spacing / 2)
        assert patch.goals[1:7, 1] == pytest.approx(np.array([box.center[1] for box in hurdles]))
        assert patch.goals[7, 0] > ends(hurdles[-1], 0)[1]
    assert_uniform(spacings, 1.2, 2.2)
    assert_uniform(heights, 0.1 + 0.1 * d, 0.15 + 0.25 * d)
    assert_uniform(halves, 0.4, 0.8)
    assert_uniform(offsets, -0.4, 0.4)


def test_flat_has_the_hurdles_way_points_and_no_hurdles() -> None:
    for patch in drawn("flat", 0.35):
        assert len(patch.boxes) == 1
    middles = np.array([patch.goals[1:7] for patch in drawn("flat", 0.35)])
    places = np.zeros((DRAWS, 7)) + START_PLATFORM
    for k in range(6):
        places[:, k + 1] = 2 * middles[:, k, 0] - places[:, k]
    assert_uniform(np.diff(places).ravel(), 1.2, 2.2)
    assert_uniform(middles[:, :, 1].ravel(), -0.4, 0.4)


# -- step --------------------------------------------------------------------------------------------------------------


@each_difficulty
def test_step_formulas(d: float) -> None:
    lengths, halves, offsets = [], [], []
    rise = 0.1 + 0.35 * d
    for patch in drawn("step", d):
        ground, *boxes = patch.boxes
        assert top_middle(ground)[2] == pytest.approx(0.0)
        spans = [ends(box, 0) for box in boxes]
        assert spans[0][0] == pytest.approx(START_PLATFORM)
        assert [span[0] for span in spans[1:]] == pytest.approx([span[1] for span in spans[:-1]])
        tops = np.array([top_middle(box)[2] for box in boxes])
        assert tops == pytest.approx(rise * np.array([1, 2, 3, 3, 2, 1]))
        changes = np.diff(np.concatenate([[0.0], tops, [0.0]]))
        assert changes[np.abs(changes) > 1e-9] == pytest.approx(rise * np.array([1, 1, 1, -1, -1, -1]))
        lengths += [end - begin for begin, end in spans]
        halves.append(boxes[0].half_size[1])
        offsets += [box.center[1] for box in boxes]
        assert patch.goals[0, 0] == 1.5
        assert patch.goals[1:7] == pytest.approx(np.array([box.center[:2] for box in boxes]))
        assert patch.goals[7, 0] > spans[-1][1]
    assert_uniform(lengths, 0.3, 1.5)
    assert_uniform(halves, 0.5, 1.0)
    assert_uniform(offsets, -0.4, 0.4)


# -- tilt --------------------------------------------------------------------------------------------------------------


@each_difficulty
def test_tilt_formulas(d: float) -> None:
    lengths, spaces, first_spaces, offsets, depths, sides = [], [], [], [], [], []
    for patch in drawn("tilt", d):
        floor, start, *stones, last_platform = [box for box in patch.boxes if box.walkable or box is patch.boxes[0]]
        assert len(stones) == 6
        spans = [ends(box, 0) for box in stones]
        long = [end - begin for begin, end in spans]
        assert long[:5] == pytest.approx([long[0]] * 5) and long[5] == pytest.approx(1.6)
        lengths.append(long[0])
        assert patch.goals[0, 0] == pytest.approx(START_PLATFORM - long[0] / 2)
        gaps = [after[0] - before[1] for before, after in zip([ends(start, 0), *spans], spans, strict=False)]
        first_spaces.append(gaps[0])
        spaces += gaps[1:]
        assert ends(last_platform, 0)[0] == pytest.approx(spans[-1][1])
        y = np.array([top_middle(box)[1] for box in stones])
        assert (np.sign(y[1:]) == -np.sign(y[:-1])).all()
        offsets += np.abs(y).tolist()
        sides.append(y[0] > 0)
        depths.append(-top_middle(floor)[2])
        for box, edge in zip(stones, [0.25 * d] * 5 + [0.25 * d + 0.1 - 0.1 * d], strict=True):
            across = box.rotation()[:, 1] * box.half_size[1]
            assert top_middle(box)[2] == pytest.approx(0.0)
            assert 2 * across[1] == pytest.approx(1.0)
            outer = math.copysign(1.0, top_middle(box)[1])
            assert across[2] * outer == pytest.approx(edge), "the outer edge is up"
        assert patch.goals[1:7] == pytest.approx(np.array([top_middle(box)[:2] for box in stones]))
        assert patch.goals[7, 0] > spans[-1][1]
    assert_uniform(lengths, 0.9 - 0.3 * d, 1.0 - 0.2 * d)
    assert_uniform(spaces, -0.1, 0.1 + 0.3 * d)
    # The first stone keeps the rule but for a part that would reach into the start platform.
    assert min(first_spaces) == pytest.approx(0.0)
    beyond = [space for space in first_spaces if space > 1e-9]
    assert_uniform(beyond, 0.0, 0.1 + 0.3 * d)
    assert len(beyond) / DRAWS == pytest.approx((0.1 + 0.3 * d) / (0.2 + 0.3 * d), abs=0.06)
    assert_uniform(offsets, 0.2, 0.3 + 0.1 * d)
    assert_uniform(depths, 0.2, 1.0)
    assert np.mean(sides) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("name", ["tilt", "demo"])
@each_difficulty
def test_what_stones_stand_on_stays_out_of_sight(name: str, d: float) -> None:
    grid = Grid.of_patch(0.05)
    for patch in drawn(name, d)[:30]:
        stones = [box for box in patch.boxes[1:] if box.walkable]
        hidden = [box for box in patch.boxes[1:] if not box.walkable]
        with_them = height_raster([patch.boxes[0], *stones, *hidden], grid)
        without = height_raster([patch.boxes[0], *stones], grid)
        assert np.abs(with_them - without).max() < 1e-6


@each_difficulty
def test_stones_are_as_wide_as_they_say(d: float) -> None:
    """Seen from above a stone is its surface: what leans out beside it is less than half a cell of the rasters."""
    y = np.arange(-3.0, 3.0, 0.005)
    for patch in drawn("tilt", d)[:20]:
        _floor, _start, *boxes, _last = patch.boxes
        for box in [box for box in boxes if box.walkable]:
            parts = [part for part in boxes if ends(part, 0) == ends(box, 0)]
            middle = top_middle(box)
            heights = np.max([_profile(part, middle[0], y) for part in parts], axis=0)
            above = y[heights > middle[2] - 0.3 * d - 0.12]
            assert above.max() - above.min() < 1.0 + 0.03


def _profile(box: Box, x: float, y: np.ndarray) -> np.ndarray:
    """Heights of a box over the points ``y`` at ``x``; -inf beside it."""
    from parkour.terrain.raster import _top

    half, rotation = np.array(box.half_size), box.rotation()
    return _top(np.array([[x - box.center[0]]]), y[None] - box.center[1], rotation, half)[0] + box.center[2]


# -- demo --------------------------------------------------------------------------------------------------------------


@each_difficulty
def test_demo_is_the_fixed_order_course(d: float) -> None:
    drawn_lists: dict[str, list[float]] = {name: [] for name in DEMO_DRAWS}
    for patch in drawn("demo", d):
        _ground, hurdle, *rest = [box for box in patch.boxes if box.walkable]
        steps, stones = rest[:4], rest[4:]
        tops = [top_middle(box)[2] for box in steps]
        assert tops == pytest.approx([tops[0]] * 4), "all four steps have one height above the ground"
        spans = [ends(box, 0) for box in (hurdle, *rest)]
        assert spans[0][0] == pytest.approx(2.0)
        assert spans[1][1] == pytest.approx(spans[2][0]) and spans[3][1] == pytest.approx(spans[4][0])
        rises = [float((box.rotation()[:, 1] * box.half_size[1])[2]) for box in stones]
        assert rises[0] == pytest.approx(-rises[1]) and rises[0] > 0, "the stones are opposed, outer edges up"
        assert top_middle(stones[0])[2] == pytest.approx(top_middle(stones[1])[2])
        clearances = [spans[5][0] - spans[4][1], spans[6][0] - spans[5][1]]
        assert clearances[0] == pytest.approx(clearances[1])
        assert patch.goals[:7] == pytest.approx(np.array([top_middle(box)[:2] for box in (hurdle, *rest)]))
        assert patch.goals[7] == pytest.approx((spans[6][1] + clearances[0] + 0.4, patch.goals[5, 1]))
        offsets = [top_middle(box)[1] for box in stones]
        found = {
            "hurdle_height": [top_middle(hurdle)[2]], "hurdle_length": [spans[0][1] - spans[0][0]],
            "spacing": [spans[1][0] - spans[0][0]], "step_height": tops[:1], "gap_length": [spans[3][0] - spans[2][1]],
            "step_length": [span[1] - span[0] for span in spans[1:3]],
            "far_step_length": [span[1] - span[0] for span in spans[3:5]],
            "clearance": clearances[:1], "stone_length": [spans[5][1] - spans[5][0]], "rise": rises[:1],
            "stone_base": [top_middle(stones[0])[2] - rises[0]], "stone_offset": [offsets[0], -offsets[1]],
            "half_width": [hurdle.half_size[1], steps[0].half_size[1], steps[2].half_size[1]],
        }  # fmt: skip
        for name, values in found.items():
            drawn_lists[name] += values
    for name, (low, high) in DEMO_DRAWS.items():
        assert_uniform(drawn_lists[name], low, high)


DEMO_DRAWS = {
    "hurdle_height": (0.30, 0.36), "hurdle_length": (0.35, 0.4), "spacing": (1.5, 2.5), "step_height": (0.35, 0.45),
    "gap_length": (0.5, 0.8), "step_length": (0.45, 0.8), "far_step_length": (0.25, 0.6), "clearance": (0.1, 0.4),
    "stone_length": (0.75, 0.85), "rise": (0.15, 0.22), "stone_base": (0.0, 0.2), "stone_offset": (0.15, 0.3),
    "half_width": (0.5, 0.6),
}  # fmt: skip


def test_demo_grows_with_the_difficulty_where_it_is_told_to() -> None:
    whole = make("demo", 0.0, 4)
    assert make("demo", 1.0, 4, scale=(0.4, 1.0)).boxes == whole.boxes
    easy = make("demo", 0.0, 4, scale=(0.4, 1.0))
    assert np.array_equal(easy.goals[:, 1], whole.goals[:, 1])
    for box, full in zip(easy.boxes[1:6], whole.boxes[1:6], strict=True):  # The hurdle and the steps.
        assert top_middle(box)[2] == pytest.approx(0.4 * top_middle(full)[2])
        assert box.half_size[:2] == pytest.approx(full.half_size[:2])
    gaps = [ends(patch.boxes[4], 0)[0] - ends(patch.boxes[3], 0)[1] for patch in (easy, whole)]
    assert gaps[0] == pytest.approx(0.4 * gaps[1])


def test_demo_is_as_large_as_the_references() -> None:
    """Measured on the reference: mean and spread of way points and of the greatest height [m]."""
    grid = Grid.of_patch(0.05)
    goals = np.array([patch.goals[:, 0] for patch in drawn("demo", 0.0)])
    for goal, (mean, spread) in {0: (2.19, 0.01), 1: (4.3, 0.3), 6: (8.44, 0.4), 7: (9.5, 0.45)}.items():
        assert goals[:, goal].mean() == pytest.approx(mean, abs=0.05), goal
        assert goals[:, goal].std() == pytest.approx(spread, abs=0.03), goal
    greatest = np.array([height_raster(patch.boxes, grid).max() for patch in drawn("demo", 0.0)[:200]])
    assert greatest.mean() == pytest.approx(0.47, abs=0.02) and greatest.std() == pytest.approx(0.06, abs=0.02)


# -- parameters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gap", "hurdle", "step", "flat"])
def test_lateral_offset_of_the_student_is_a_parameter(name: str) -> None:
    goals = np.array([make(name, 0.5, seed, lateral_offset=(-0.1, 0.1)).goals[1:7, 1] for seed in range(200)])
    assert_uniform(goals.ravel(), -0.1, 0.1)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("gap", {"platform_length": (4.0, 5.0)}),
        ("hurdle", {"spacing": (4.0, 5.0)}),
        ("flat", {"spacing": (4.0, 5.0)}),
        ("step", {"length": (4.0, 5.0)}),
        ("tilt", {"length_low": (4.0, 4.0), "length_high": (5.0, 5.0)}),
    ],
)
def test_a_course_too_long_for_the_patch_gets_fewer_obstacles(name: str, changes: dict[str, object]) -> None:
    for seed in range(50):
        patch = make(name, 1.0, seed, **changes)
        patch.check(name, max_boxes=48, max_goals=8)
        assert 3 <= len(patch.goals) < 8
        assert (np.diff(patch.goals[:, 0]) >= 0).all()


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("gap", {"platform_length": (1.5, 0.8)}, "lower end first"),
        ("gap", {"gap_length": (0.0, 0.5)}, "above 0"),
        ("hurdle", {"spacing": (-1.0, 2.0)}, "above 0"),
        ("step", {"hight": (0.1, 0.2)}, "hight"),
        ("tilt", {"width": "wide"}, "number"),
        ("gap", {"obstacles": 0}, "greater than or equal to 1"),
    ],
)
def test_bad_parameters_are_refused(name: str, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(name, 0.5, 0, **changes)


@pytest.mark.parametrize("name", SPECS)
def test_every_parameter_says_what_it_is(name: str) -> None:
    address = SPECS[name].params
    assert address is not None
    for field_name, field in load(address).model_fields.items():
        assert field.description, field_name
        if field.annotation not in (int, bool, str):
            assert isinstance(field.json_schema_extra, dict) and field.json_schema_extra["unit"] in ("m", "1")
