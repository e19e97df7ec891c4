"""The projects that the pages lead through: scaffold, the page's files over it, every check, and the page's tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from parkour.testing.separate_process import check_separately
from parkour.testing.source import read_source
from parkour_cli.scaffold import project_files, write_project
from tests.docs.pages import ROOT, blocks

PAGES = {
    "write_terrain.md": ("parkour-terrain-slalom", "terrain", {"slalom"}),
    "write_reward.md": ("parkour-reward-gait", "reward", {"yaw_rate", "air_time"}),
    "write_encoder.md": ("parkour-encoder-grid", "encoder", {"scan_grid"}),
    "write_robot.md": ("parkour-robot-dog", "robot", {"dog"}),
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The project of each page, as who follows it has it."""
    folder = tmp_path_factory.mktemp("projects")
    found = {}
    for page, (name, kind, _) in PAGES.items():
        contents = project_files(name, kind)
        for block in blocks(ROOT / "docs" / page):
            if match := re.match(r"# ([\w./]+\.py)\n", block.text):
                assert match[1] in contents, f"{page}: {match[1]} is no file of the scaffold"
                contents[match[1]] = block.text.removeprefix(match[0])
        write_project(contents, folder / name, force=False)
        found[page] = folder / name
    return found


def test_every_component_of_the_pages_passes_its_checks(projects: dict[str, Path]) -> None:
    reports = check_separately([str(folder) for folder in projects.values()], compile=False, seeds=5)
    for report, (name, kind, components) in zip(reports, PAGES.values(), strict=True):
        checks = [check for part in (report, *report["components"]) for check in part["checks"]]
        assert [check for check in checks if check["status"] == "failed"] == []
        assert report["distribution"] == name
        assert {(part["kind"], part["id"].partition(":")[2]) for part in report["components"]} == {
            (kind, component) for component in components
        }


def test_the_tests_of_the_pages_pass(projects: dict[str, Path], tmp_path: Path) -> None:
    paths = []
    for page, folder in projects.items():
        paths += read_source(folder).write_metadata(tmp_path / "site" / page)
    # Another test may have left a choice of plugins behind.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PARKOUR_")}
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    tests = [folder / "tests" / f"test_{PAGES[page][1]}.py" for page, folder in projects.items()]
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        [*command, "--rootdir", tmp_path], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_code_of_the_pages_is_clean(projects: dict[str, Path]) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run([ruff, *command, "--no-cache", *projects.values()], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", ["write_terrain.md", "write_encoder.md"])
def test_task_files_of_the_pages_resolve(
    page: str, projects: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from parkour.registry import Registry
    from parkour.tasks import load_task

    (text,) = [block.text for block in blocks(ROOT / "docs" / page) if block.language == "toml"]
    assert tomllib.loads(text)["extends"] == "go2-teacher"
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    for path in reversed(read_source(projects[page]).write_metadata(tmp_path / "site")):
        monkeypatch.syspath_prepend(path)
    task = load_task(tmp_path / "mine.toml", registry=Registry.discover())
    ids = {part.id for group in (task.terrains, task.encoders) for part in group.values()}
    name, _, components = PAGES[page]
    assert f"{name}:{next(iter(components))}" in ids
