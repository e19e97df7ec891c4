"""The README's plugin works as it stands there."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from parkour.registry import Registry
from parkour.specs import TerrainSpec
from parkour.tasks import load_task
from parkour.terrain.field import build_patch
from parkour.terrain.sub_terrain import PATCH_LENGTH
from parkour.testing import check_component
from parkour_cli.changes import read_changes
from tests.components import load
from tests.conftest import InstallPlugin
from tests.docs.pages import ROOT, blocks, readme_plugin


@pytest.fixture
def registry(install_plugin: InstallPlugin) -> Registry:
    """Everything installed, and the README's plugin, installed with the entry points that it declares."""
    files = readme_plugin()
    project = tomllib.loads(files["pyproject.toml"])["project"]
    install_plugin(
        project["name"],
        {"parkour_beam": files["parkour_beam.py"]},
        version=project["version"],
        entry_points=project["entry-points"]["parkour"],
    )
    return Registry.discover()


def test_it_is_listed_and_nothing_is_broken(registry: Registry) -> None:
    found = registry.get("terrain", "beam")
    assert found.id == "parkour-beam:beam"
    assert [plugin for plugin in registry.broken if plugin.distribution == found.distribution] == []


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_its_courses_hold(registry: Registry, difficulty: float) -> None:
    spec = registry.get("terrain", "beam").spec
    assert isinstance(spec, TerrainSpec)
    assert spec.params is not None
    params = load(spec.params)()
    course = load_task("go2-teacher").model.course
    streams = [np.random.default_rng([1, k]) for k in range(2)]
    patch = build_patch("beam", load(spec.target), params, difficulty, course, streams)
    ground = patch.sub_terrain.boxes[-1]
    assert 2 * ground.half_size[1] == pytest.approx(0.8 - 0.5 * difficulty)
    assert len(patch.boxes) > len(patch.sub_terrain.boxes), "bumps are laid on it"
    # All the way along the middle line one walks at height 0, but for the bumps.
    along = patch.height[: round((PATCH_LENGTH + 1) / course.cell), patch.height.shape[1] // 2]
    assert ((along > -0.01) & (along < 0.07)).all()


def test_it_keeps_the_contract(registry: Registry) -> None:
    report = check_component(registry.get("terrain", "beam"), registry=registry)
    assert [check for check in report.checks if check.status == "failed"] == []


def test_the_readme_s_options_resolve(registry: Registry) -> None:
    task = load_task(
        "go2-teacher",
        overlay="train",
        changes=read_changes(["terrains.beam.params.width=[1.0, 0.25]"], ["terrain:beam=0.2"]),
        registry=registry,
    )
    assert task.terrains["beam"].id == "parkour-beam:beam"
    assert task.terrains["beam"].params.width == (1.0, 0.25)
    assert task.model.terrains["beam"].share == 0.2


def test_a_task_file_uses_it_as_the_rules_say(registry: Registry, tmp_path: Path) -> None:
    tables = [block.text for block in blocks(ROOT / "docs" / "plugins.md") if block.language == "toml"]
    (text,) = [text for text in tables if "narrow_beam" in text]
    path = tmp_path / "beams.toml"
    path.write_text(f'extends = "go2-teacher"\n{text}', encoding="utf-8")
    task = load_task(path, registry=registry)
    assert task.terrains["narrow_beam"].id == "parkour-beam:beam"
    assert task.terrains["narrow_beam"].params.width == (0.5, 0.2)
    assert "gap" in task.terrains


def test_parameters_are_as_the_rules_say(install_plugin: InstallPlugin) -> None:
    (text,) = [block.text for block in blocks(ROOT / "docs" / "plugins.md") if block.language == "python"]
    install_plugin("parkour-rules", {"parkour_rules": text}, entry_points={})
    beams = load("parkour_rules:BeamParams")
    assert beams().model_dump() == {"width": (0.8, 0.3), "count": 1}
    assert beams.model_fields["count"].description == "Beams, one behind the other."
    for wrong in ({"wdith": (1, 1)}, {"count": 5}, {"width": (float("nan"), 1)}):
        with pytest.raises(ValidationError):
            beams(**wrong)
