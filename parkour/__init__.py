"""Parkour for legged robots: what Python users call (:mod:`parkour.api`), and what plugin authors import.

Everything here is resolved on first use, so that ``import parkour`` costs nothing. Tasks are ids of Gymnasium's from
then on: ``gymnasium.make_vec("parkour/go2-teacher", num_envs=16)``.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# onnxruntime (from 1.29 on, on Linux) sends what it runs to its makers unless told not to before it is imported.
# Nothing here phones home; who wants that sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from parkour.quick_imports import when_imported

if TYPE_CHECKING:
    from parkour.api import evaluate as evaluate
    from parkour.api import export as export
    from parkour.api import load_policy as load_policy
    from parkour.api import load_task as load_task
    from parkour.api import make_env as make_env
    from parkour.api import train as train
    from parkour.engines.protocol import Availability as Availability
    from parkour.errors import DeviceError as DeviceError
    from parkour.errors import EngineError as EngineError
    from parkour.errors import ParkourError as ParkourError
    from parkour.evaluation.episodes import EpisodeTable as EpisodeTable
    from parkour.evaluation.metrics import Pooled as Pooled
    from parkour.evaluation.protocol import EvaluationProtocol as EvaluationProtocol
    from parkour.exporters.targets import ExportJob as ExportJob
    from parkour.hookspecs import hookimpl as hookimpl
    from parkour.learning.callbacks import Training as Training
    from parkour.learning.callbacks import TrainingCallback as TrainingCallback
    from parkour.learning.iteration import Iteration as Iteration
    from parkour.learning.loggers import LoggerContext as LoggerContext
    from parkour.learning.options import TrainOptions as TrainOptions
    from parkour.mdp.context import StepContext as StepContext
    from parkour.mdp.events import SimHandle as SimHandle
    from parkour.mdp.mirror import Mirror as Mirror
    from parkour.mdp.mirror import Sides as Sides
    from parkour.mdp.robot import RobotLayout as RobotLayout
    from parkour.mdp.twins import TwinContext as TwinContext
    from parkour.params import ORDERED as ORDERED
    from parkour.params import Params as Params
    from parkour.params import Range as Range
    from parkour.params import param as param
    from parkour.params import within as within
    from parkour.pipeline.run import run_pipeline as run_pipeline
    from parkour.pipeline.settings import PipelineSettings as PipelineSettings
    from parkour.policies.definition import PolicyDefinition as PolicyDefinition
    from parkour.policies.definition import define_policy as define_policy
    from parkour.specs import CallbackSpec as CallbackSpec
    from parkour.specs import CommandSpec as CommandSpec
    from parkour.specs import CommandTermSpec as CommandTermSpec
    from parkour.specs import CurriculumSpec as CurriculumSpec
    from parkour.specs import DegradationSpec as DegradationSpec
    from parkour.specs import DepthSourceSpec as DepthSourceSpec
    from parkour.specs import EncoderSpec as EncoderSpec
    from parkour.specs import EngineSpec as EngineSpec
    from parkour.specs import EventSpec as EventSpec
    from parkour.specs import ExportTargetSpec as ExportTargetSpec
    from parkour.specs import LoggerSpec as LoggerSpec
    from parkour.specs import MetricSpec as MetricSpec
    from parkour.specs import ModifierSpec as ModifierSpec
    from parkour.specs import ObservationField as ObservationField
    from parkour.specs import ObservationSpec as ObservationSpec
    from parkour.specs import PolicySpec as PolicySpec
    from parkour.specs import ProtocolSpec as ProtocolSpec
    from parkour.specs import RewardSpec as RewardSpec
    from parkour.specs import RobotLinkSpec as RobotLinkSpec
    from parkour.specs import RobotSpec as RobotSpec
    from parkour.specs import TaskAlias as TaskAlias
    from parkour.specs import TaskSpec as TaskSpec
    from parkour.specs import TerminationSpec as TerminationSpec
    from parkour.specs import TerrainSpec as TerrainSpec
    from parkour.tasks.resolved import ResolvedTask as ResolvedTask
    from parkour.terrain.box import Box as Box
    from parkour.terrain.curriculum import EndedEpisodes as EndedEpisodes
    from parkour.terrain.sub_terrain import MARGIN as MARGIN
    from parkour.terrain.sub_terrain import PATCH_LENGTH as PATCH_LENGTH
    from parkour.terrain.sub_terrain import PATCH_WIDTH as PATCH_WIDTH
    from parkour.terrain.sub_terrain import START_PLATFORM as START_PLATFORM
    from parkour.terrain.sub_terrain import SubTerrain as SubTerrain

_HOME = {
    "evaluate": "parkour.api",
    "export": "parkour.api",
    "load_policy": "parkour.api",
    "load_task": "parkour.api",
    "make_env": "parkour.api",
    "train": "parkour.api",
    "Availability": "parkour.engines.protocol",
    "DeviceError": "parkour.errors",
    "EngineError": "parkour.errors",
    "ParkourError": "parkour.errors",
    "EpisodeTable": "parkour.evaluation.episodes",
    "Pooled": "parkour.evaluation.metrics",
    "EvaluationProtocol": "parkour.evaluation.protocol",
    "ExportJob": "parkour.exporters.targets",
    "hookimpl": "parkour.hookspecs",
    "Training": "parkour.learning.callbacks",
    "TrainingCallback": "parkour.learning.callbacks",
    "LoggerContext": "parkour.learning.loggers",
    "Iteration": "parkour.learning.iteration",
    "TrainOptions": "parkour.learning.options",
    "StepContext": "parkour.mdp.context",
    "SimHandle": "parkour.mdp.events",
    "Mirror": "parkour.mdp.mirror",
    "Sides": "parkour.mdp.mirror",
    "RobotLayout": "parkour.mdp.robot",
    "TwinContext": "parkour.mdp.twins",
    "ORDERED": "parkour.params",
    "Params": "parkour.params",
    "Range": "parkour.params",
    "param": "parkour.params",
    "within": "parkour.params",
    "run_pipeline": "parkour.pipeline.run",
    "PipelineSettings": "parkour.pipeline.settings",
    "PolicyDefinition": "parkour.policies.definition",
    "define_policy": "parkour.policies.definition",
    "ResolvedTask": "parkour.tasks.resolved",
    "Box": "parkour.terrain.box",
    "EndedEpisodes": "parkour.terrain.curriculum",
    "SubTerrain": "parkour.terrain.sub_terrain",
    "MARGIN": "parkour.terrain.sub_terrain",
    "PATCH_LENGTH": "parkour.terrain.sub_terrain",
    "PATCH_WIDTH": "parkour.terrain.sub_terrain",
    "START_PLATFORM": "parkour.terrain.sub_terrain",
} | dict.fromkeys(
    (
        "CallbackSpec",
        "CommandSpec",
        "CommandTermSpec",
        "CurriculumSpec",
        "DegradationSpec",
        "DepthSourceSpec",
        "EncoderSpec",
        "EngineSpec",
        "EventSpec",
        "ExportTargetSpec",
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
        "TaskAlias",
        "TaskSpec",
        "TerminationSpec",
        "TerrainSpec",
    ),
    "parkour.specs",
)
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll] - names are resolved lazily by __getattr__


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'parkour' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def _register_tasks() -> None:
    from parkour.engines.gymnasium_ids import register_or_warn

    register_or_warn()


# Last: to list tasks imports plugins, which import from here.
when_imported("gymnasium", _register_tasks)
