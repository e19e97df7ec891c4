"""Registers the engine, and its command."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import CommandSpec, EngineSpec, hookimpl

PARKOUR_API = "1.1"


@hookimpl
def register_engines() -> Iterable[EngineSpec]:
    """Chosen with ``--engine isaaclab``, or by itself where the mujoco engine cannot run."""
    yield EngineSpec(
        name="isaaclab",
        summary="Isaac Lab 3.0 on PhysX or Newton, without Isaac Sim; or on Isaac Sim",
        target="parkour_isaaclab.engine:IsaacLabEngine",
        extra="isaaclab",
        preference=-1,
        source="https://isaac-sim.github.io/IsaacLab",
    )


@hookimpl
def register_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        name="assets",
        summary="Mirror Isaac Sim's public assets for machines without a network.",
        target="parkour_isaaclab.commands:app",
    )
