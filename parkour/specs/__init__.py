"""What a plugin hands over: one frozen dataclass per kind of component.

A spec is a name, a line of text and addresses. It imports nothing heavy, so that listing every plugin costs
milliseconds; ``target`` and ``params`` are ``"module:attribute"`` strings that are resolved when a task needs them.
"""

from __future__ import annotations

from parkour.specs.command import CommandSpec
from parkour.specs.deployment import DepthSourceSpec, ExportTargetSpec, RobotLinkSpec
from parkour.specs.engine import EngineSpec
from parkour.specs.evaluation import DegradationSpec, MetricSpec, ProtocolSpec
from parkour.specs.learning import CallbackSpec, EncoderSpec, LoggerSpec, PolicySpec
from parkour.specs.spec import KINDS, Kind, Spec
from parkour.specs.task import (
    CommandTermSpec,
    CurriculumSpec,
    EventMode,
    EventSpec,
    ModifierSpec,
    ObservationField,
    ObservationSpec,
    RewardSpec,
    RobotSpec,
    TaskAlias,
    TaskSpec,
    TerminationSpec,
    TerrainSpec,
)

__all__ = [
    "KINDS",
    "SPEC_TYPES",
    "CallbackSpec",
    "CommandSpec",
    "CommandTermSpec",
    "CurriculumSpec",
    "DegradationSpec",
    "DepthSourceSpec",
    "EncoderSpec",
    "EngineSpec",
    "EventMode",
    "EventSpec",
    "ExportTargetSpec",
    "Kind",
    "LoggerSpec",
    "MetricSpec",
    "ModifierSpec",
    "ObservationField",
    "ObservationSpec",
    "PolicySpec",
    "ProtocolSpec",
    "RewardSpec",
    "RobotLinkSpec",
    "RobotSpec",
    "Spec",
    "TaskAlias",
    "TaskSpec",
    "TerminationSpec",
    "TerrainSpec",
]

SPEC_TYPES: dict[Kind, type[Spec]] = {
    spec.kind: spec
    for spec in (
        TerrainSpec,
        RewardSpec,
        ObservationSpec,
        ModifierSpec,
        TerminationSpec,
        EventSpec,
        EncoderSpec,
        PolicySpec,
        EngineSpec,
        TaskSpec,
        RobotSpec,
        CommandSpec,
        DegradationSpec,
        RobotLinkSpec,
        DepthSourceSpec,
        ExportTargetSpec,
        MetricSpec,
        ProtocolSpec,
        LoggerSpec,
        CallbackSpec,
        CurriculumSpec,
        CommandTermSpec,
    )
}
