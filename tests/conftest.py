"""Fixtures for all tests: plugins as they are on disk after installation."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import random
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from parkour.quick_imports import uncollected
from parkour.registry import LOAD_PLUGINS, Registry
from parkour_mujoco.launch import name_renderer

# Tests work on small tensors, for which more threads only cost time, most of all when there are few cores. Set before
# torch is imported; processes started by tests inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# As in a pipe, wherever they run: a width would wrap what they look for.
os.environ.pop("COLUMNS", None)
# Whichever test imports mujoco first settles what the others of its process render with.
name_renderer()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """All that is imported stays."""
    with uncollected():
        return (yield)


def pytest_collection_finish() -> None:
    """Modules and tests stay: looking through them for garbage again and again takes a twentieth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


InstallPlugin = Callable[..., Path]


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """Random numbers of a test are the same whatever ran before it, which with several processes nobody knows.

    What is not imported yet begins with a seed of its own when it is, or is seeded before the next test.
    """
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(autouse=True)
def own_choice_of_plugins() -> Iterator[None]:
    """``parkour --no-plugins`` leaves its choice in the environment for its processes, but not for other tests."""
    before = os.environ.get(LOAD_PLUGINS)
    yield
    if before is None:
        os.environ.pop(LOAD_PLUGINS, None)
    else:
        os.environ[LOAD_PLUGINS] = before


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallPlugin]:
    """Writes a distribution as pip would leave it: modules, and a ``.dist-info`` with metadata and entry points.

    ``install_plugin("parkour-beams", {"beams": source})`` makes the module ``beams`` and, unless ``entry_points`` says
    otherwise, an entry point ``beams``. Returns the folder, which is on ``sys.path`` until the test ends.
    """
    written: set[str] = set()

    def install(
        distribution: str,
        modules: Mapping[str, str],
        *,
        version: str = "1.0",
        entry_points: Mapping[str, str] | None = None,
        folder: str = "site",
    ) -> Path:
        site = tmp_path / folder
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        points = entry_points if entry_points is not None else {name: name for name in modules}
        lines = [f"{name} = {target}" for name, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[parkour]", *lines, ""]))
        for name, source in modules.items():
            (site / f"{name}.py").write_text(dedent(source))
            written.add(name)
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        return site

    yield install
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def installed() -> Registry:
    """What is installed here, all of it."""
    return Registry.discover()


@pytest.fixture(autouse=True)
def _library_logging() -> Iterator[None]:
    """The command line takes over the log of ``parkour``; every test begins without that."""
    log = logging.getLogger("parkour")
    before = (log.handlers[:], log.level, log.propagate)
    yield
    log.handlers[:], log.propagate = before[0], before[2]
    log.setLevel(before[1])
