"""``parkour terrains preview``: what it draws and what it refuses."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from parkour.tasks import load_task
from parkour.tasks.depth_view import DepthViewer
from parkour.terrain.box import Box
from parkour.terrain.picture import Camera, _axes, _cast, render, smaller
from parkour_cli.__main__ import main
from parkour_cli.terrains import _scenes

DOWN = (0.0, 1e-9, -1.0)


def run(*args: str) -> int:
    """Exit code of ``parkour terrains preview …``."""
    with pytest.raises(SystemExit) as caught:
        main(["terrains", "preview", *args])
    return int(caught.value.code or 0)


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return struct.unpack(">II", head[16:24])


def test_one_terrain_at_one_difficulty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new folder" / "gap.png"
    assert run("gap", "--difficulty", "0.7", "--out", str(out)) == 0
    width, height = png_size(out)
    assert width > 1200 and height > 300
    assert str(out) in capsys.readouterr().err


def test_a_grid_of_difficulties(tmp_path: Path) -> None:
    out = tmp_path / "grid.png"
    assert run("tilt", "demo", "--grid", "2", "--out", str(out)) == 0
    one = tmp_path / "one.png"
    assert run("tilt", "demo", "-d", "1", "--out", str(one)) == 0
    assert png_size(out) != png_size(one)


def test_difficulty_is_not_asked_for_nor_shown_where_it_makes_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("demo", "-d", "0.5", "--out", str(tmp_path / "no.png")) == 1
    assert "the courses of demo do not depend on the difficulty" in capsys.readouterr().err
    assert [scene.difficulty for scene in _scenes("demo", [0.0, 1.0], 0)] == [None]
    assert [scene.difficulty for scene in _scenes("gap", [0.0, 1.0], 0)] == [0.0, 1.0]
    assert run("demo", "flat", "--out", str(tmp_path / "yes.png")) == 0


def test_the_depth_camera_is_shown_beside_the_course(tmp_path: Path) -> None:
    plain, deep = tmp_path / "plain.png", tmp_path / "deep.png"
    assert run("gap", "--out", str(plain)) == 0
    assert run("gap", "--depth", "--out", str(deep)) == 0
    (width, height), (same, higher) = png_size(plain), png_size(deep)
    assert same == width and higher > height + 200


def test_what_the_camera_sees_from_the_start() -> None:
    task = load_task("go2-student")
    spawn = np.array([1.0, 0.0, 0.0])
    # A wall 1 m ahead of the camera, which sits 0.33 m ahead of the base and 0.48 m above the ground.
    boxes = (Box.slab((-2, 18), (-3, 3), 0.0), Box.slab((2.33, 2.6), (-3, 3), 2.0, 2.1))
    patch: Any = SimpleNamespace(boxes=boxes, sub_terrain=SimpleNamespace(spawn=spawn))
    raw, image = DepthViewer(task)(patch)
    assert raw.values.shape == (60, 106) and image.values.shape == (58, 87)
    up = np.tan(np.radians(20.0)) * 53 / np.tan(np.radians(43.5))  # pixels from the middle to the horizon
    horizon = int(30 - up)
    assert raw.values[horizon, 52] == pytest.approx(1.0, abs=0.01)
    assert image.values[horizon, 43] == pytest.approx(0.0, abs=0.01)
    assert raw.low == 0.0 and raw.high == 2.0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["gap", "--depth", "--task", "go2-teacher"], "task 'go2-teacher' has no depth camera"),
        (["gapp"], "unknown terrain 'gapp'; did you mean 'gap'"),
        (["gap", "-d", "1.5"], "got '1.5', expected A:B with 0 <= A <= B <= 1"),
        (["gap", "--grid", "3", "-d", "0.5"], "got 1 difficulties"),
        (["gap", "tilt", "--grid", "33"], "got 2 terrains at 33 difficulties, expected at most 64 courses"),
        (["gap", "--out", "gap.jpg"], "expected a .png file"),
        (["gap", "--out", "/proc/none/gap.png"], "--out: cannot write /proc/none"),
        (["gap", "--out", "."], "it is a folder"),
    ],
)
def test_bad_input_is_one_line(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*args) == 1
    errors = capsys.readouterr().err.splitlines()
    assert said in errors[0] and len([line for line in errors if line.startswith("error:")]) == 1
    assert len(errors) <= 2


def test_the_picture_shows_the_nearest_surface() -> None:
    low, high = Box.slab((0, 4), (0, 2), 0.0), Box.slab((1, 2), (0.5, 1.5), 1.0)
    camera = Camera.around(np.array([[0, 0, 0], [4, 2, 0]], float), DOWN, scale=20, border=0.0)
    by_height = render([high, low], camera, lambda z: np.repeat((z / 2 + 0.25)[..., None], 3, -1))
    column, row = camera.project(np.array([1.5, 1.0, 1.0])).astype(int)
    away, beside = camera.project(np.array([3.5, 1.0, 0.0])).astype(int)
    assert by_height[row, column, 0] > 2 * by_height[beside, away, 0] > 0
    assert (by_height[..., 3] == 1).mean() > 0.9


def test_obstacles_throw_shadows() -> None:
    ground, wall = Box.slab((0, 4), (0, 2), 0.0), Box.slab((1, 1.2), (0, 2), 1.0)
    camera = Camera.around(np.array([[0, 0, 0], [4, 2, 0]], float), DOWN, scale=20, border=0.0)
    image = render([ground, wall], camera, lambda z: np.ones((*z.shape, 3)))
    # The light comes from behind the start: the shade is beyond the wall.
    shade, lit = (camera.project(np.array([x, 1.0, 0.0])).astype(int) for x in (1.4, 3.5))
    assert image[shade[1], shade[0], 0] < 0.7 * image[lit[1], lit[0], 0]


def test_matplotlib_is_not_imported_until_a_page_is_drawn() -> None:
    import subprocess

    code = "import sys, parkour_cli.terrains, parkour.terrain.preview; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_a_pixel_shows_is_what_its_ray_meets() -> None:
    """Against a ray at a time, with boxes that are turned and in each other's way."""
    boxes = [Box.slab((0, 3), (0, 2), 0.0), Box((1.0, 1.0, 0.3), (0.5, 0.2, 0.3), (0.9, 0.1, 0.3, 0.3))]
    turn = np.linalg.norm(boxes[1].quat)
    boxes[1] = Box(boxes[1].center, boxes[1].half_size, tuple(part / turn for part in boxes[1].quat))  # type: ignore[arg-type]
    camera = Camera.around(np.array([[0, 0, -1], [3, 2, 1]], float), (0.42, 0.85, -0.62), scale=8)
    hits, axes = _cast(boxes, camera), _axes(camera.forward)
    rows, columns = camera.shape
    for row, column in np.ndindex(rows, columns):
        at = np.array([column + 0.5, rows - row - 0.5]) / camera.scale + camera.low
        met = [_enters(box, axes[:, :2] @ at, camera.forward) for box in boxes]
        depth, face = min((depth, 6 * k + face) for k, (depth, face) in enumerate(met))
        assert hits.depth[row, column] == pytest.approx(depth, abs=1e-4)
        assert hits.face[row, column] == (face if np.isfinite(depth) else -1)


def _enters(box: Box, origin: np.ndarray, direction: np.ndarray) -> tuple[float, int]:
    """Depth at which a ray enters a box, and through which face; infinite where it does not."""
    start, slope = (origin - box.center) @ box.rotation(), direction @ box.rotation()
    near = (-np.sign(slope) * box.half_size - start) / slope
    far = (np.sign(slope) * box.half_size - start) / slope
    axis = int(near.argmax())
    return (near[axis] if near[axis] <= far.min() else np.inf), 2 * axis + bool(slope[axis] < 0)


def test_a_smaller_picture_has_smooth_borders() -> None:
    image = np.zeros((2, 4, 4), np.float32)
    image[0, 0] = (0.5, 0.25, 1.0, 1.0)
    np.testing.assert_allclose(smaller(image, 2), [[[0.5, 0.25, 1.0, 0.25], [0, 0, 0, 0]]])
