"""Registers the engine."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import EngineSpec, hookimpl

PARKOUR_API = "1.0"


@hookimpl
def register_engines() -> Iterable[EngineSpec]:
    """The default engine."""
    yield EngineSpec(
        name="mujoco",
        summary="MuJoCo Warp through mjlab: thousands of environments on a GPU, tens on a CPU",
        target="parkour_mujoco.engine:MujocoEngine",
        extra="mujoco",
        source="https://mujocolab.github.io/mjlab",
    )
