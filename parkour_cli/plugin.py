"""Registers the commands that need no particular engine, what ``parkour deploy`` reaches without a plugin, and what
``parkour export`` writes."""

from __future__ import annotations

from collections.abc import Iterable

from parkour.hookspecs import hookimpl
from parkour.specs import CommandSpec, DepthSourceSpec, ExportTargetSpec, RobotLinkSpec
from parkour_cli.commands import SUMMARIES

PARKOUR_API = "1.1"

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


@hookimpl
def register_export_targets() -> Iterable[ExportTargetSpec]:
    yield ExportTargetSpec(
        name="onnx",
        summary="ONNX, which onnxruntime and others run",
        target="parkour.exporters.targets:OnnxTarget",
        params="parkour.exporters.target_params:OnnxParams",
    )
    yield ExportTargetSpec(
        name="jit",
        summary="TorchScript, which torch and libtorch run",
        target="parkour.exporters.targets:JitTarget",
    )
