"""Registers the commands that need no particular engine. To add ``NAME``: write ``parkour_cli/NAME.py``, and its line.

What a command's module holds: see :func:`parkour.commands.make_app`.
"""

from __future__ import annotations

from collections.abc import Iterable

from parkour.hookspecs import hookimpl
from parkour.specs import CommandSpec, DepthSourceSpec, RobotLinkSpec

PARKOUR_API = "1.1"

SUMMARIES: dict[str, str] = {
    "train": "Train a policy, or resume a run.",
    "eval": "Score a policy on courses, or two against each other.",
    "play": "Watch a policy in a browser, in a window, or as a film.",
    "demo": "Drive a policy by hand: keys, sliders, a gamepad, or a script.",
    "export": "Write a policy as ONNX or TorchScript, for a robot or another program.",
    "deploy": "Run an exported policy on a robot: check, run, replay.",
    "plugins": "List plugins, show what they provide, check them, write new ones.",
    "tasks": "List tasks and show them, resolved to their components.",
    "terrains": "Draw sub-terrains: a picture and the height map, with goals and edges.",
    "pipeline": "From nothing to a scored, exported policy, in one command that goes on.",
    "bench": "Measure how fast this machine simulates.",
    "doctor": "Check Python, torch, GPUs, engines, plugins and assets.",
}
"""Commands in the order of ``parkour --help``, each with its line there."""
COMMANDS: dict[str, CommandSpec] = {
    name: CommandSpec(name=name, summary=summary, target=f"parkour_cli.{name}:app")
    for name, summary in SUMMARIES.items()
}


@hookimpl
def register_commands() -> Iterable[CommandSpec]:
    return COMMANDS.values()


@hookimpl
def register_robot_links() -> Iterable[RobotLinkSpec]:
    yield RobotLinkSpec(
        name="go2",
        summary="A Unitree Go2 over DDS: rt/lowstate and rt/lowcmd.",
        target="parkour_deploy.links.go2:Go2Link",
    )


@hookimpl
def register_depth_sources() -> Iterable[DepthSourceSpec]:
    yield DepthSourceSpec(
        name="topic",
        summary="Pictures from a DDS topic: another process's camera, or a simulated robot's.",
        target="parkour_deploy.depth.topic:TopicDepth",
    )
    yield DepthSourceSpec(
        name="realsense",
        summary="An Intel RealSense camera; :SERIAL chooses one of several.",
        target="parkour_deploy.depth.realsense:RealSenseDepth",
    )
    yield DepthSourceSpec(
        name="recording",
        summary="Pictures out of a log, over and over: recording:LOG.npz.",
        target="parkour_deploy.depth.recording:RecordedDepth",
    )
