"""Registers the engine, its commands, and a simulated robot for deployments."""

from __future__ import annotations

from collections.abc import Iterable

from parkour import CommandSpec, DepthSourceSpec, EngineSpec, RobotLinkSpec, hookimpl

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
    yield CommandSpec(
        name="fake-go2",
        summary="Simulate a Go2 that speaks Unitree's protocol, to try deploy on.",
        target="parkour_mujoco.fake_go2.command:app",
    )


@hookimpl
def register_robot_links() -> Iterable[RobotLinkSpec]:
    yield RobotLinkSpec(
        name="simulated",
        summary="A robot in C MuJoCo, in the same process: simulated:TERRAIN,DIFFICULTY,SEED.",
        target="parkour_mujoco.fake_go2.link:SimulatedLink",
    )


@hookimpl
def register_depth_sources() -> Iterable[DepthSourceSpec]:
    yield DepthSourceSpec(
        name="simulated",
        summary="The camera of the simulated robot.",
        target="parkour_mujoco.fake_go2.link:SimulatedDepth",
    )
