"""A real run, made once for all tests that try what commands do with its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.once import made_once
from tests.robustness.black_box import make_run


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder, with a checkpoint after each of its few iterations."""
    return next(made_once("made", make_run, tmp_path_factory).glob("logs/rsl_rl/*/*"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder to work in."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder
