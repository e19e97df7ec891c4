"""One project with a component of every kind that has a door of its own, scaffolded and installed once."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parkour.registry import registry as registry_module
from parkour_cli.scaffold import project_of_several, write_project

KINDS = ("export_target", "metric", "protocol", "logger", "callback", "curriculum", "command_term")
NAME = "parkour-doors"


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the project, as ``plugins new`` writes it."""
    folder = tmp_path_factory.mktemp("doors") / NAME
    # Not by the command: it takes over the log of parkour, which only what a single test does is freed of.
    write_project(project_of_several(NAME, KINDS), folder, force=False)
    return folder


@pytest.fixture(scope="package")
def site(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed it into."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--target", str(folder), str(project)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def installed_doors(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In sight of this process and of those that it starts, until the test ends."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    importlib.invalidate_caches()
    registry_module._registry.cache_clear()
    yield site
    registry_module._registry.cache_clear()
