"""Real ground: height maps and meshes become courses within the tolerance asked for, are drawn and trained on."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from parkour.errors import TerrainError
from parkour.stages import shown_by
from parkour.terrain.heights import boxes_from_heights
from parkour.terrain.importing.course import Placement, lay_course
from parkour.terrain.importing.file import load_course, save_course
from parkour.terrain.importing.fitting import fit_boxes, sloping_slab
from parkour.terrain.importing.readers import Scales, read_surface
from parkour.terrain.importing.surface import Surface, surface_of_triangles
from parkour.terrain.raster import Grid, height_raster
from parkour.terrain.sub_terrain import START_PLATFORM
from parkour_cli.__main__ import main
from parkour_terrains.imported import EXAMPLE
from tests.docs.pages import ROOT

CELL, TOLERANCE = 0.2, 0.05
LENGTH, WIDTH = 6.0, 3.0
"""Of the ground in the files [m]."""


def hill(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A slope, a hill and a hollow [m]; x and y from the ground's corner [m]."""
    top = 0.4 * np.exp(-((x - 3.5) ** 2 + (y - 1.2) ** 2) / 0.8)
    return 0.05 * x + top - 0.3 * np.exp(-((x - 5.2) ** 2 + (y - 2.2) ** 2) / 0.5)


def samples() -> np.ndarray:
    """``[30, 15]`` heights at the middles of cells [m]."""
    x, y = ((np.arange(round(size / CELL)) + 0.5) * CELL for size in (LENGTH, WIDTH))
    return hill(x[:, None], y[None])


def mesh() -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of the ground, corner to corner."""
    x, y = (np.linspace(0, size, round(size / CELL) + 1) for size in (LENGTH, WIDTH))
    z = hill(x[:, None], y[None])
    vertices = np.stack([*np.broadcast_arrays(x[:, None], y[None], z)], -1).reshape(-1, 3)
    a = (np.arange(len(x) - 1)[:, None] * len(y) + np.arange(len(y) - 1)).ravel()
    b, c, d = a + len(y), a + len(y) + 1, a + 1
    return vertices, np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])


def write(path: Path) -> list[str]:
    """A file of the ground, and the options that say what its numbers mean."""
    if path.suffix == ".npy":
        np.save(path, samples() * 100)
        return ["--spacing", "0.2", "--height", "0.01"]
    if path.suffix == ".png":
        import PIL.Image

        heights = samples()
        low, high = heights.min(), heights.max()
        grey = np.round((heights - low) / (high - low) * 65535).astype(np.uint16)
        PIL.Image.fromarray(grey.T[::-1].copy()).save(path)
        return ["--spacing", "0.2", "--height", f"{high - low}"]
    trimesh = pytest.importorskip("trimesh")
    vertices, faces = mesh()
    if path.suffix == ".obj":  # y up, in centimetres, and a texture that nobody opens
        vertices = vertices[:, [1, 2, 0]] * 100
    trimesh.Trimesh(vertices, faces, process=False).export(path)
    if path.suffix == ".obj":
        path.write_text("mtllib ../../secret.mtl\n" + path.read_text())
        return ["--up", "y", "--scale", "0.01"]
    return []


def run(*arguments: object) -> int:
    """Exit code of ``parkour …``."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(caught.value.code or 0)


def fine_error(boxes_file: Path) -> float:
    """Greatest distance of a course from the ground at the middles of cells, over heights of the formula [m]."""
    made = load_course(boxes_file)
    grid = Grid((START_PLATFORM, -WIDTH / 2), (round(LENGTH / CELL), round(WIDTH / CELL)), CELL)
    x, y = grid.centers(0) - START_PLATFORM, grid.centers(1) + WIDTH / 2
    off = height_raster(made.boxes, grid) - hill(x[:, None], y[None])
    # Heights count from the first ground that robots step on.
    first = hill(x[:2, None], y[None, np.abs(grid.centers(1)) <= 0.5]).mean()
    return float(np.abs(off + first).max())


@pytest.mark.parametrize("kind", ["npy", "png", "stl", "obj"])
def test_files_become_courses_within_the_tolerance(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / f"ground.{kind}", tmp_path / "ground.npz"
    meant = write(source)
    assert run("terrains", "import", source, "-o", out, "--cell", CELL, "--tolerance", TOLERANCE, *meant) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(out)
    # A mesh of flat triangles lies up to 1 cm from the formula.
    assert fine_error(out) <= TOLERANCE + (0.012 if kind in ("stl", "obj") else 1e-3)
    reported = re.search(r"([0-9.]+) m off at most", said.err)
    assert reported and float(reported[1]) <= TOLERANCE
    picture = tmp_path / "ground.png.png"
    assert run("terrains", "preview", "imported", "--set", f"terrains.imported.params.file={out}", "-o", picture) == 0
    assert picture.stat().st_size > 20_000


def test_where_it_begins_and_leads_is_the_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "ground.npy", tmp_path / "part.npz"
    meant = [source, "-o", out, "--cell", CELL, *write(source)]
    where = ["--start", 1.0, 1.4, "--goal", "3.5,0.2", "--goal", "5,-0.1"]
    assert run("terrains", "import", *meant, *where) == 0
    assert load_course(out).goals.tolist() == [[3.5, 0.2], [5.0, -0.1]]
    assert "5.00 x 3.00 m of ground" in capsys.readouterr().err
    for more, said in (
        (["--max-boxes", 5], "--max-boxes or course.max_boxes"),
        (["--goal", "here"], "--goal: got 'here', expected X,Y"),
        (["--start", 99, 0], "expected 1 by 0.5 m or more"),
        (["--up", "w"], "--up: got 'w', expected x, y or z"),
        (["-o", tmp_path / "part.png"], "expected a .npz file"),
    ):
        assert run("terrains", "import", *meant, *more) == 1
        assert said in capsys.readouterr().err


@pytest.mark.mujoco
def test_imported_ground_is_trained_on(tmp_path: Path) -> None:
    task = ['name = "ground"', 'extends = "go2-teacher"', "[course]", "levels = 2", "columns = 3", "max_boxes = 64"]
    task += ["[terrains]", *(f"{name} = {{ share = 0.0 }}" for name in ("gap", "hurdle", "step", "tilt", "flat"))]
    for kind in ("npy", "stl", "obj"):
        source, out = tmp_path / f"{kind}.{kind}", tmp_path / f"{kind}.npz"
        assert run("terrains", "import", source, "-o", out, "--cell", CELL, *write(source)) == 0
        task += [f"[terrains.ground_{kind}]", 'use = "imported"', "share = 1.0", f'params = {{ file = "{out}" }}']
    (tmp_path / "ground.toml").write_text("\n".join(task))
    small = ("--num-envs", 6, "--iterations", 2, "--device", "cpu", "--log-root", tmp_path / "logs")
    assert run("train", tmp_path / "ground.toml", *small) == 0
    rows = (next((tmp_path / "logs").rglob("metrics.jsonl"))).read_text().splitlines()
    assert len(rows) == 2 and all(f"Terrain_Level/ground_{kind}" in rows[-1] for kind in ("npy", "stl", "obj"))


# -- boxes under a surface ---------------------------------------------------------------------------------------------


def surface(heights: np.ndarray, cell: float = 0.1) -> Surface:
    return Surface(heights, cell, (START_PLATFORM, -heights.shape[1] * cell / 2))


def off(made: list, ground: Surface) -> np.ndarray:
    shape = (ground.heights.shape[0], ground.heights.shape[1])
    return height_raster(made, Grid(ground.origin, shape, ground.cell)) - ground.heights


def test_slopes_save_boxes() -> None:
    x, y = np.mgrid[0:40, 0:20] * 0.1
    ground = surface(0.3 * np.sin(x) * np.cos(y))
    level = boxes_from_heights(
        ground.heights, 0.1, origin=ground.origin, max_boxes=999, extend=0.0, tolerance=0.1, walkable_above=-9.0
    )
    made = fit_boxes(ground, 0.05, 999)
    assert np.abs(off(made, ground)).max() <= 0.05
    assert len(made) < len(level) / 3


def test_a_plane_is_one_box_and_walls_stay_upright() -> None:
    x, y = np.mgrid[0:40, 0:20] * 0.1
    assert len(fit_boxes(surface(0.2 * x - 0.1 * y), 0.01, 9)) == 1
    steps = np.zeros((40, 20))
    steps[15:25] = 0.3
    made = fit_boxes(surface(steps), 0.02, 9)
    assert len(made) <= 3 and np.abs(off(made, surface(steps))).max() <= 0.02


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_left_open_between_the_middles_of_cells(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.mgrid[0:40, 0:20] * 0.1
    heights = sum(rng.uniform(0.05, 0.2) * np.sin(rng.uniform(0.5, 2) * x + rng.uniform(-2, 2) * y) for _ in range(4))
    ground = surface(np.asarray(heights) + rng.normal(0, 0.01, x.shape))
    made = fit_boxes(ground, 0.05, 999)
    fine = Grid(ground.origin, (160, 80), 0.025)
    upper = height_raster(made, fine)
    # Between four middles the surface is among their heights.
    padded = np.pad(ground.heights, 1, mode="edge")
    around = np.stack([padded[i : i + 40, j : j + 20] for i in range(3) for j in range(3)])
    low, high = (np.kron(ends, np.ones((4, 4))) for ends in (around.min(0), around.max(0)))
    assert (upper >= low - 0.05 - 1e-6).all() and (upper <= high + 0.05 + 0.02).all()


def test_it_tells_how_much_of_the_ground_is_covered() -> None:
    told: list[object] = []

    class Display:
        def begin(self, text: str, total: int | None) -> None:
            told.extend([text, total])

        def step(self) -> None:
            told.append("cell")

        def end(self) -> None: ...

        def clear(self) -> None: ...

    x, y = np.meshgrid(np.arange(30) * 0.05, np.arange(20) * 0.05, indexing="ij")
    with shown_by(Display()):
        fit_boxes(surface(0.1 * np.sin(4.0 * x) * np.cos(3.0 * y)), 0.03, 99)
    assert told == ["laying boxes, cells covered", 600, *["cell"] * 600]


def test_what_does_not_fit_says_what_helps() -> None:
    rough = surface(np.random.default_rng(0).uniform(0, 0.5, (20, 20)))
    with pytest.raises(TerrainError, match=r"needs \d+ boxes to be met within 0.02 m, expected 30 at most") as caught:
        fit_boxes(rough, 0.02, 30)
    assert all(word in str(caught.value.hint) for word in ("coarser", "tolerance", "course.max_boxes"))
    with pytest.raises(TerrainError) as caught:
        boxes_from_heights(rough.heights, 0.1, origin=(0, 0), max_boxes=3, extend=1, tolerance=0, walkable_above=0)
    assert all(word in str(caught.value.hint) for word in ("coarser", "tolerance", "course.max_boxes"))
    with pytest.raises(TerrainError, match="expected 1 to 20") as caught:
        load_course(EXAMPLE).check("hills", 20, 8)
    assert "--set course.max_boxes=" in str(caught.value.hint)


@pytest.mark.parametrize("slope", [(0.3, 0.0), (0.0, -0.4), (0.5, 0.3), (-0.6, 0.7)])
def test_a_sloping_slab_has_the_plane_that_is_asked_for(slope: tuple[float, float]) -> None:
    box = sloping_slab((8.0, 0.5, 0.2), slope, (1.0, 0.8), 0.2)
    grid = Grid((7.6, 0.2), (16, 12), 0.05)
    x, y = grid.centers(0)[:, None] - 8.0, grid.centers(1)[None] - 0.5
    assert height_raster([box], grid)[4:12, 4:8] == pytest.approx((0.2 + slope[0] * x + slope[1] * y)[4:12, 4:8])


# -- files that are read -----------------------------------------------------------------------------------------------


def test_the_example_is_what_its_script_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import make_hills

    heights = make_hills.heights()
    made, ground = load_course(EXAMPLE), Surface(heights, make_hills.CELL)
    shifted = Surface(heights, make_hills.CELL, (START_PLATFORM, -2.0))
    assert np.abs(off(list(made.boxes), shifted) + heights[:6, 30:50].mean()).max() < 0.05 + 1e-3
    assert ground.size == pytest.approx(make_hills.SIZE)


def test_ground_begins_where_it_is_told_to() -> None:
    ground = Surface(samples(), CELL, (10.0, 20.0))
    made = lay_course(ground, Placement(start=(12.0, 21.4), cell=CELL, goals=[(4.0, 0.1), (6.0, -0.2)]))
    assert made.surface.size == pytest.approx((4.0, WIDTH - 0.2 + 0.2), abs=0.21)
    expected = hill(np.array([2.1]), np.array([1.5]))
    first = hill(np.array([2.1, 2.3])[:, None], np.arange(0.9, 1.9, 0.2)[None]).mean()
    x, y = made.surface.origin[0] + 0.1, 1.5 - 1.4
    grid = Grid((x - 0.01, y - 0.01), (1, 1), 0.02)
    assert height_raster(made.sub_terrain.boxes, grid)[0, 0] == pytest.approx((expected - first)[0], abs=0.1)
    assert made.sub_terrain.goals.tolist() == [[4.0, 0.1], [6.0, -0.2]]
    with pytest.raises(TerrainError, match=r"expected 1 by 0\.5 m or more"):
        lay_course(ground, Placement(start=(15.5, 21.4)))


BAD_FILES = {
    "ground.tiff": (b"", "expected a file that ends in .png, .npy, .stl, .obj"),
    "text.npy": (b"no array", "no .npz or .npy file"),
    "text.png": (b"no picture", "is no PNG picture"),
    "text.stl": (b"solid nothing", "got 0 triangles"),
    "text.obj": (b"v 0 0", "OBJ mesh"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_get_one_line(name: str, tmp_path: Path) -> None:
    content, said = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TerrainError, match=said):
        read_surface(tmp_path / name, Scales(), 0.1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_grey_that_was_saved_as_colours_is_read(mode: str, tmp_path: Path) -> None:
    from PIL import Image

    grey = Image.fromarray(np.arange(0, 240, 2, dtype=np.uint8).reshape(10, 12))
    grey.save(tmp_path / "grey.png")
    grey.convert(mode).save(tmp_path / "colours.png")
    expected, found = (read_surface(tmp_path / name, Scales(), 0.1) for name in ("grey.png", "colours.png"))
    assert np.array_equal(expected.heights, found.heights) and found.heights.max() > 0.9


def test_colours_and_too_many_pixels_say_what_helps(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8), (10, 20, 10)).save(tmp_path / "green.png")
    Image.new("LA", (8, 8), (10, 99)).save(tmp_path / "clear.png")
    for name in ("green.png", "clear.png"):
        with pytest.raises(TerrainError, match="colours or transparency") as caught:
            read_surface(tmp_path / name, Scales(), 0.1)
        assert "shades of grey" in str(caught.value.hint)
    for side in (10_000, 14_000):  # Pillow warns of the one and refuses the other.
        Image.new("1", (side, side)).save(tmp_path / "large.png")
        with pytest.raises(TerrainError, match="too many pixels") as caught:
            read_surface(tmp_path / "large.png", Scales(), 0.1)
        assert "--spacing" in str(caught.value.hint)


def test_a_mesh_in_another_unit_says_so(tmp_path: Path) -> None:
    x, y = 13_500.0, 4_000.0
    corners = [(0, 0), (x, 0), (x, y), (0, y)]
    text = "".join(f"v {a} {b} 0\n" for a, b in corners)
    (tmp_path / "mm.obj").write_text(f"{text}f 1 2 3 4\n")
    with pytest.raises(TerrainError, match="takes 5,400,000,000 cells") as caught:
        read_surface(tmp_path / "mm.obj", Scales(), 0.1)
    assert "millimetres: 0.001" in str(caught.value.hint)


def test_numbers_that_are_none_are_counted(tmp_path: Path) -> None:
    heights = samples()
    heights[3, 4] = np.nan
    np.save(tmp_path / "holes.npy", heights)
    with pytest.raises(TerrainError, match="got 1 heights that are NaN or infinite"):
        read_surface(tmp_path / "holes.npy", Scales(), 0.1)
    with pytest.raises(TerrainError, match="there is no file"):
        read_surface(tmp_path / "none.npy", Scales(), 0.1)


def test_holes_of_a_mesh_are_pits_and_upright_faces_are_not_seen() -> None:
    square = np.array([[[0, 0, 1], [1, 0, 1], [0, 1, 1]], [[2, 2, 0.5], [3, 2, 0.5], [2, 3, 0.5]]], float)
    wall = np.array([[[0, 0, 1], [0, 0, 9], [1, 0, 9]]], float)
    found = surface_of_triangles(np.concatenate([square, wall]), 0.1)
    assert found.heights.shape == (30, 30) and found.heights[1, 1] == 1.0 and found.heights[15, 15] == 0.5
    assert found.bare is not None and found.bare[15, 15] and not found.bare[1, 1]
    made = lay_course(found, Placement(cell=0.1, tolerance=0.1))
    assert made.bare == pytest.approx(found.bare.mean())


STRANGE = {
    "more": ({"boxes": np.ones((1, 10)), "goals": np.ones((1, 2)), "code": np.ones(1)}, "expected boxes and goals"),
    "shape": ({"boxes": np.ones((1, 9)), "goals": np.ones((1, 2))}, "expected numbers in rows of 10"),
    "many": ({"boxes": np.ones((513, 10)), "goals": np.ones((1, 2))}, "got 513 boxes, expected 1 to 512"),
    "far": ({"boxes": np.full((1, 10), 1e6), "goals": np.ones((1, 2))}, "not finite or beyond 100"),
    "nan": ({"boxes": np.full((1, 10), np.nan), "goals": np.ones((1, 2))}, "not finite or beyond 100"),
    "flat": ({"boxes": np.array([[1.0, 0, 0, 1, 0, 0, 0, 1, 1, 0]]), "goals": np.ones((1, 2))}, "half size 0 m"),
    "text": ({"boxes": np.array([["a"] * 10]), "goals": np.ones((1, 2))}, "expected numbers in rows of 10"),
}


@pytest.mark.parametrize("case", STRANGE)
def test_strange_terrain_files_are_refused(case: str, tmp_path: Path) -> None:
    arrays, said = STRANGE[case]
    np.savez(tmp_path / "strange.npz", **arrays)
    with pytest.raises(TerrainError, match=said):
        load_course(tmp_path / "strange.npz")


def test_a_terrain_file_that_is_missing_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(TerrainError, match="there is no terrain file"):
        load_course(tmp_path / "none.npz")
    (tmp_path / "large.npz").write_bytes(b"0" * (1 << 20) + b"0")
    with pytest.raises(TerrainError, match="expected at most 1,048,576"):
        load_course(tmp_path / "large.npz")
    with pytest.raises(TerrainError, match="is not a file"):
        load_course(tmp_path)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    made = load_course(EXAMPLE)
    save_course(made, tmp_path / "again.npz")
    again = load_course(tmp_path / "again.npz")
    assert again.boxes == made.boxes and np.array_equal(again.goals, made.goals)
