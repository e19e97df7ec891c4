"""What the isaaclab engine does without Isaac Lab: it says so, knows its backends, and lays out its mesh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from parkour.errors import EngineError
from parkour.tasks import load_task
from parkour.tasks.build import build_terrain
from parkour.terrain.rays import cast_rays
from parkour_cli.changes import read_changes
from parkour_isaaclab import install
from parkour_isaaclab.backends.backend import NAMES, backend_of, find_backend
from parkour_isaaclab.engine import IsaacLabEngine
from parkour_isaaclab.terrain import GAP, boxes_mesh, cell_origins, field_mesh

ALL = {"isaaclab": "3.0.0", "ovphysx": "0.6.4", "ovstage": "0.2.1", "newton": "1.6.1", "mujoco-warp": "3.12.0"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretends that these distributions are there, and this is the Python of Isaac Lab or another one."""

    def install_these(versions: Mapping[str, str], python: tuple[int, int] = install.PYTHON) -> None:
        monkeypatch.setattr(install, "distribution_version", versions.get)
        monkeypatch.setattr(install, "isaaclab_version", lambda: versions.get("isaaclab"))
        monkeypatch.setattr(install, "sys", SimpleNamespace(version_info=(*python, 1)))

    return install_these


@pytest.mark.parametrize(
    ("versions", "python", "reason"),
    [
        ({}, (3, 12), "isaaclab is not installed"),
        ({}, (3, 11), "isaaclab is not installed; Isaac Lab 3.0 is for Python 3.12, this is 3.11"),
        ({"isaaclab": "2.3.2.post1"}, (3, 11), "Isaac Lab 2.3.2.post1 is installed, expected 3.0.x; Isaac Lab 3.0 is"),
        ({"isaaclab": "3.1.0"}, (3, 12), "Isaac Lab 3.1.0 is installed, expected 3.0.x"),
        ({"isaaclab": "3.00.1"}, (3, 12), "Isaac Lab 3.00.1 is installed, expected 3.0.x"),
        (
            {"isaaclab": "3.0.0", "newton": "1.6.1"},
            (3, 12),
            "isaaclab is there, but none of its physics is (ovphysx: ovphysx, ovstage; newton: mujoco-warp; kit: is",
        ),
    ],
)
def test_why_it_cannot_run(
    installed: Callable[..., None], versions: dict[str, str], python: tuple[int, int], reason: str
) -> None:
    installed(versions, python)
    state = IsaacLabEngine().availability()
    assert not state.ok
    assert state.reason.startswith(reason)
    assert "docs/isaaclab.md" in state.hint
    with pytest.raises(EngineError, match="engine 'isaaclab' cannot run here"):
        IsaacLabEngine().make_env(load_task("go2-teacher"), num_envs=1, device="cpu", seed=0)


def test_it_says_which_physics_there_is(installed: Callable[..., None]) -> None:
    installed(ALL)
    state = IsaacLabEngine().availability()
    assert state.ok
    assert state.details == ALL | {"physics": "ovphysx, newton"}


def test_physics_that_is_not_there_is_told_with_what_is(installed: Callable[..., None]) -> None:
    installed({name: version for name, version in ALL.items() if "ov" not in name})
    with pytest.raises(EngineError, match="--physics ovphysx: ovphysx, ovstage not installed") as caught:
        IsaacLabEngine().make_env(load_task("go2-teacher"), num_envs=1, device="cpu", seed=0)
    assert caught.value.hint == "pip install 'isaaclab[ovphysx]==3.0.0', or: --physics newton"


@pytest.mark.parametrize("name", NAMES)
def test_each_backend_is_found_by_its_configuration(name: str) -> None:
    backend = find_backend(name)
    assert (backend.name, backend.install.endswith("==3.0.0'")) == (name, True)
    cfg = type("Cfg", (), {"__module__": f"{backend.package}.physics.manager_cfg"})()
    assert backend_of(cfg).name == name


def test_physics_of_another_kind_is_told() -> None:
    with pytest.raises(EngineError, match="Isaac Lab's physics is SimpleNamespace, expected that of ovphysx, newton"):
        backend_of(SimpleNamespace())


def test_a_clone_of_isaac_lab_is_known_by_its_version_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package of a clone has a number of its own."""
    package = tmp_path / "IsaacLab" / "source" / "isaaclab" / "isaaclab"
    package.mkdir(parents=True)
    (tmp_path / "IsaacLab" / "VERSION").write_text("3.0.1\n")
    monkeypatch.setattr(install, "package_folder", lambda: package)
    assert install.isaaclab_version() == "3.0.1"


def test_the_mesh_is_the_boxes_of_every_patch_in_its_cell() -> None:
    """Rays down onto the mesh, cast here triangle by triangle, stop where rays onto the boxes do."""
    field = build_terrain(load_task("go2-teacher", changes=read_changes(["course.levels=2", "course.columns=5"])), 3)
    vertices, faces = field_mesh(field)
    origins = cell_origins(field.levels, field.columns, field.grid).reshape(-1, 3)
    assert len(faces) == 12 * (field.boxes[..., 2] > -49.0).sum()
    rng = np.random.default_rng(0)
    for patch in range(len(origins)):
        points = np.column_stack([rng.uniform(0.0, 15.0, 40), rng.uniform(-1.8, 1.8, 40), np.full(40, 5.0)])
        expected = _down_onto_boxes(points, field.boxes[patch])
        found = _down_onto_mesh(points + origins[patch], vertices[faces])
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_cells_are_apart_and_about_the_middle() -> None:
    field = build_terrain(load_task("go2-teacher", changes=read_changes(["course.levels=3", "course.columns=5"])), 3)
    origins = cell_origins(field.levels, field.columns, field.grid)
    length, width = (size * field.grid.cell for size in field.grid.shape)
    np.testing.assert_allclose(np.diff(origins[:, 0, 0]), length + GAP, atol=1e-4)
    np.testing.assert_allclose(np.diff(origins[0, :, 1]), width + GAP, atol=1e-4)
    low = origins.reshape(-1, 3)[:, :2].min(axis=0) + field.grid.origin
    high = origins.reshape(-1, 3)[:, :2].max(axis=0) + field.grid.origin + (length, width)
    np.testing.assert_allclose(low + high, 0.0, atol=1e-3)


def test_faces_look_outwards() -> None:
    box = np.array([[1.0, 2.0, 3.0, 0.8, 0.0, 0.6, 0.0, 0.5, 0.2, 0.1]])
    vertices, faces = boxes_mesh(box)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("fi,fi->f", normals, corners.mean(axis=1) - box[0, :3]) > 0).all()
    assert np.linalg.norm(normals, axis=-1).sum() / 2 == pytest.approx(8 * (0.5 * 0.2 + 0.5 * 0.1 + 0.2 * 0.1))


def _down_onto_boxes(points: np.ndarray, boxes: np.ndarray) -> Any:
    import torch

    count = len(points)
    # A caster's rays look along x: turn x to point down.
    turn = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]).expand(count, 3, 3)
    many = torch.tensor(boxes).expand(count, -1, -1)
    starts = torch.tensor(points, dtype=torch.float32)
    return cast_rays(starts, turn, torch.tensor([[1.0, 0.0, 0.0]]), many, 20.0)[:, 0].numpy()


def _down_onto_mesh(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Distances straight down to the nearest triangle, 20 where there is none (Moeller and Trumbore 1997)."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    upright = np.abs(area) > 1e-12
    a, b, c, area = a[upright], b[upright], c[upright], area[upright]
    result = np.full(len(points), 20.0)
    for index, point in enumerate(points):
        offset = point - a
        v = (offset[:, 0] * (c - a)[:, 1] - offset[:, 1] * (c - a)[:, 0]) / area
        w = ((b - a)[:, 0] * offset[:, 1] - (b - a)[:, 1] * offset[:, 0]) / area
        inside = (v >= 0) & (w >= 0) & (v + w <= 1)
        depth = point[2] - (a[:, 2] + v * (b - a)[:, 2] + w * (c - a)[:, 2])
        result[index] = depth[inside & (depth > 0)].min(initial=20.0)
    return result
