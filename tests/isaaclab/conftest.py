"""These tests need Isaac Lab 3.0, in an environment that `.ci/isaaclab` makes. `--physics` says on which backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from parkour_isaaclab.backends.backend import DEFAULT
from parkour_isaaclab.launch import choose_renderer

PHYSICS_VARIABLE = "PARKOUR_TEST_PHYSICS"
"""Environment variable that names the backend of the tests."""

if find_spec("isaaclab") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    # Tests import MuJoCo themselves, before any environment is made.
    choose_renderer()


@pytest.fixture(scope="session")
def physics() -> str:
    """The backend that is tested. One per process: two would have to share one simulation."""
    return os.environ.get(PHYSICS_VARIABLE, DEFAULT)


@pytest.fixture(scope="session", autouse=True)
def own_robots() -> Iterator[None]:
    """The robot is the one that is written from the MJCF, whatever was fetched on this machine."""
    before = os.environ.pop("PARKOUR_ISAAC_ASSETS", None)
    yield
    if before is not None:
        os.environ["PARKOUR_ISAAC_ASSETS"] = before


@pytest.fixture
def make_env(physics: str) -> Iterator[Any]:
    """Makes an environment and closes it afterwards; there is one simulation at a time."""
    from parkour_isaaclab.engine import IsaacLabEngine

    made: list[Any] = []

    def make(task: Any, **options: Any) -> Any:
        env = IsaacLabEngine().make_env(
            task, **{"num_envs": 4, "device": "cpu", "seed": 1, "physics": physics, **options}
        )
        made.append(env)
        return env

    yield make
    for env in made:
        env.close()


@pytest.fixture(scope="module")
def weights() -> Any:
    """Of the pretrained teacher."""
    from parkour.policies.source import PolicySource, load_weights

    return load_weights(PolicySource(None, None, None, True, Path("logs")))
