"""Registers the engine, and its command."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import CommandSpec, EngineSpec, hookimpl

PARKOUR_API = "1.1"


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


@hookimpl
def register_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        name="sim2sim",
        summary="Run an exported policy in plain C MuJoCo, without torch.",
        target="parkour_mujoco.commands:app",
    )
