"""Registers the engine."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import EngineSpec, hookimpl

PARKOUR_API = "1.0"


@hookimpl
def register_engines() -> Iterable[EngineSpec]:
    """Chosen with ``--engine isaaclab``, or by itself where the mujoco engine cannot run."""
    yield EngineSpec(
        name="isaaclab",
        summary="Isaac Lab 2.3 on Isaac Sim 5.1 (PhysX): thousands of environments on an NVIDIA GPU",
        target="parkour_isaaclab.engine:IsaacLabEngine",
        extra="isaaclab",
        preference=-1,
        source="https://isaac-sim.github.io/IsaacLab",
    )
