"""These tests need the harness: the isaaclab wheel, ovphysx and USD, in an environment that `.ci/isaaclab` makes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if any(find_spec(package) is None for package in ("isaaclab", "ovphysx", "ovstage", "pxr")):
    collect_ignore_glob = ["test_*.py"]
else:
    from tests.isaaclab.harness import install

    install()


@pytest.fixture(scope="session", autouse=True)
def isaac_assets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A mirror of Isaac's assets that holds our own Go2 in the place of NVIDIA's."""
    from tests.isaaclab.harness.assets import write_assets

    folder = write_assets(tmp_path_factory.mktemp("isaac_assets"))
    before = os.environ.get("PARKOUR_ISAAC_ASSETS")
    os.environ["PARKOUR_ISAAC_ASSETS"] = str(folder)
    yield folder
    if before is None:
        del os.environ["PARKOUR_ISAAC_ASSETS"]
    else:
        os.environ["PARKOUR_ISAAC_ASSETS"] = before


@pytest.fixture
def make_env() -> Iterator[Any]:
    """Makes an environment and closes it afterwards; PhysX holds one simulation at a time."""
    from parkour_isaaclab.engine import IsaacLabEngine

    made: list[Any] = []

    def make(task: Any, **options: Any) -> Any:
        env = IsaacLabEngine().make_env(task, **{"num_envs": 4, "device": "cpu", "seed": 1, **options})
        made.append(env)
        return env

    yield make
    for env in made:
        env.close()


@pytest.fixture(scope="module")
def weights() -> Any:
    """Of the shipped teacher."""
    from parkour.policies.source import PolicySource, load_weights

    return load_weights(PolicySource(None, None, None, True, Path("logs")))


@pytest.fixture
def with_window(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if Isaac Sim had been started with a window and cameras."""
    from parkour_isaaclab.launch import launch, quiet_stdout
    from tests.isaaclab.harness import kit, window

    with quiet_stdout():
        launch(device="cpu")
    window.declare_window()
    for name in ("/app/window/enabled", "/isaaclab/render/offscreen", "/isaaclab/render/active_viewport"):
        monkeypatch.setitem(kit.settings._values, name, True)
    monkeypatch.setattr(kit.application, "running", True)
    monkeypatch.setenv("DISPLAY", ":0")
    window.Window.made.clear()
    yield
    assert window.keyboard.listeners == {}
