"""Bumps lie where they should, are as high as they should be, and do not disturb anything else."""

from __future__ import annotations

import numpy as np
import pytest

from parkour.terrain.box import Box
from parkour.terrain.field import build_patch
from parkour.terrain.raster import Grid, height_raster
from parkour.terrain.roughness import CLEAR, CORRIDOR, amplitude_range, bumps
from parkour.terrain.sub_terrain import SubTerrain
from tests.terrain.courses import GROUND, builtin, course, surface

GRID = Grid.of_patch(0.05)
NAMES = ["gap", "hurdle", "step", "tilt", "flat", "demo"]


def rough(name: str, difficulty: float, seed: int) -> tuple[SubTerrain, list[Box], np.ndarray]:
    """Obstacles, bumps and the obstacles' raster."""
    target, params, *_ = builtin(**{name: 1.0})[name]
    patch = target(difficulty, np.random.default_rng(seed), params)
    heights = height_raster(patch.boxes, GRID)
    amplitude = amplitude_range((0.02, 0.06), difficulty)
    return patch, bumps(patch, heights, GRID, amplitude, 48 - len(patch.boxes), np.random.default_rng(seed)), heights


def top_points(box: Box) -> np.ndarray:
    """``[9, 3]`` points of a box's top: corners, middles of the sides, middle."""
    unit = np.array([[a, b, 1.0] for a in (-1, 0, 1) for b in (-1, 0, 1)])
    return np.array(box.center) + unit * np.array(box.half_size) @ box.rotation().T


@pytest.mark.parametrize(
    ("roughness", "difficulty", "expected"),
    [((0.02, 0.06), 0.0, (0.02, 0.02)), ((0.02, 0.06), 1.0, (0.02, 0.06)), ((0.02, 0.06), 0.5, (0.02, 0.04)),
     ((0.01, 0.01), 0.3, (0.01, 0.01)), ((0.0, 0.0), 1.0, (0.0, 0.0))],
)  # fmt: skip
def test_amplitude_grows_with_difficulty(roughness: tuple[float, float], difficulty: float, expected: object) -> None:
    assert amplitude_range(roughness, difficulty) == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("difficulty", [0.0, 0.6, 1.0])
def test_every_bump_stands_on_one_visible_top(name: str, difficulty: float) -> None:
    amplitudes = []
    for seed in range(6):
        patch, found, _ = rough(name, difficulty, seed)
        for box in found:
            normal = box.rotation()[:, 2]
            x, y, z = top_points(box)[4].tolist()
            amplitude = (z - surface(patch.boxes, x, y)) * normal[2]
            amplitudes.append(amplitude)
            for x, y, z in (top_points(box) - normal * amplitude).tolist():
                inwards = 1e-6 * np.sign(np.array(box.center[:2]) - (x, y))
                below = surface(patch.boxes, x + inwards[0], y + inwards[1])
                assert below == pytest.approx(z, abs=2e-3), "a corner hangs over something else"
    low, high = amplitude_range((0.02, 0.06), difficulty)
    assert low - 1e-3 <= min(amplitudes) and max(amplitudes) <= high + 1e-3
    if high > low:
        assert np.mean(amplitudes) == pytest.approx((low + high) / 2, rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_bumps_fill_the_budget_and_keep_off_spawn_pit_and_border(name: str) -> None:
    for seed in range(6):
        patch, found, heights = rough(name, 0.7, seed)
        assert len(patch.boxes) + len(found) == 48
        for box in found:
            reach = abs(box.center[0] - patch.spawn[0]) - box.half_size[0]
            assert reach >= CLEAR - 1e-9
            assert abs(box.center[1]) <= CORRIDOR + 0.05
            assert heights[GRID.index(np.array(box.center[:2]))] > -0.3


def test_bumps_reach_the_obstacles_too() -> None:
    on_stones = [box for seed in range(6) for box in rough("tilt", 1.0, seed)[1] if abs(box.quat[1]) > 1e-6]
    assert len(on_stones) >= 12
    on_steps = [box for seed in range(6) for box in rough("step", 1.0, seed)[1] if box.center[2] > 0.3]
    assert len(on_steps) >= 30


def test_pits_and_slopes_carry_no_bumps() -> None:
    pit = Box.slab((-1, 17), (-3, 3), -0.5, walkable=False)
    steep = Box.slab((3, 9), (-1, 1), 0.0, roll=1.3)
    patch = SubTerrain([pit, steep], np.array([[10.0, 0.0]]))
    assert bumps(patch, height_raster([pit, steep], GRID), GRID, (0.02, 0.05), 30, np.random.default_rng(0)) == []


@pytest.mark.parametrize(("amplitude", "count"), [((0.0, 0.0), 20), ((0.02, 0.05), 0)])
def test_no_bumps_without_amplitude_or_budget(amplitude: tuple[float, float], count: int) -> None:
    patch = SubTerrain([GROUND], np.array([[10.0, 0.0]]))
    assert bumps(patch, height_raster([GROUND], GRID), GRID, amplitude, count, np.random.default_rng(0)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_scan_sees_bumps_and_the_edges_do_not(name: str) -> None:
    target, params, *_ = builtin(**{name: 1.0})[name]

    def patch(roughness: tuple[float, float]):
        streams = [np.random.default_rng(k) for k in range(2)]
        return build_patch(name, target, params, 1.0, course(roughness=roughness), streams, GRID)

    rugged, smooth = patch((0.02, 0.12)), patch((0.0, 0.0))
    assert (rugged.edge == smooth.edge).all()
    raised = rugged.height - smooth.height
    assert raised.min() >= 0 and 0.02 <= raised.max() <= 0.15
    assert len(smooth.boxes) == len(smooth.sub_terrain.boxes)
