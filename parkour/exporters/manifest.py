"""What ``deploy.toml`` holds: all that a robot or another simulator must know to run an exported policy.

Needs no torch. :mod:`parkour.exporters.manifest_file` reads and writes it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from parkour.exporters.hardware import HardwareEntry
from parkour.mdp.robot import RobotLayout, check_layout, per_joint
from parkour.params import ORDERED, within
from parkour.tasks.names import NAME_PATTERN
from parkour.tasks.sections import Camera, Command, Control, CourseField, Goals, Heading, Physics, Section, Timing

FORMAT = "parkour-deploy"
VERSION = 2
Size = Annotated[int, Field(ge=0, le=10**8)]
Delay = Annotated[tuple[float, float], within(0.0, 1000.0), ORDERED]
"""[s]"""
FileName = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
"""Of a file beside ``deploy.toml``: no folder, whoever wrote it."""


class Port(Section):
    """An input or output of a graph; the batch is its first dimension and not part of the shape."""

    name: str
    shape: Annotated[tuple[int, ...], within(0, 10**8)]
    source: str = ""
    """Of an input, where its numbers come from: ``observation`` (all groups, concatenated), ``group:NAME`` (one group),
    ``graph:NAME.OUTPUT`` (another graph's output, the last one computed), ``state:OUTPUT`` (this graph's own output of
    the step before, zeros at an episode's start)."""
    limits: Annotated[tuple[float, float] | None, within(-1e9, 1e9), ORDERED] = None
    """Of an input: it is clipped to these, and what is not finite is taken for the upper one."""


class Graph(Section):
    """One exported file. Graphs are run in the order in which they are listed."""

    name: str
    file: FileName
    sha256: str
    period: int = Field(ge=1, le=1000)
    """Control steps between runs; the outputs are held in between."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class FieldEntry(Section):
    """A named run of numbers in a group."""

    name: str
    offset: Size
    """Within the whole observation."""
    size: Size
    scale: float = Field(ge=-1e6, le=1e6)
    """What the physical quantity is multiplied by."""
    unit: str
    """Unit before scaling; ``1`` for what has none."""


class Group(Section):
    """An observation group."""

    name: str
    use: str
    """``distribution:name`` of the component."""
    version: str | None = None
    read: bool
    """Whether a graph reads it; zeros will do for the others."""
    offset: Size
    """Within the whole observation."""
    size: Size
    clip: Annotated[float | None, within(0.0, 1e6)] = None
    """Numbers are clipped to ± this."""
    params: dict[str, Any]
    """The numbers it is computed with."""
    fields: tuple[FieldEntry, ...]


class Observation(Section):
    size: Size
    groups: tuple[Group, ...]


class TaskEntry(Section):
    id: str
    """Registered id, or the file, that the task was loaded from."""
    name: str
    stage: Literal["teacher", "student"]
    file: FileName
    """The resolved task, for the simulators of ``parkour``."""
    sha256: str
    components: dict[str, str]
    """By kind and key in the task, as in ``reward.feet_edge``: the id and version that it was resolved to."""


class CheckpointEntry(Section):
    file: str
    sha256: str
    iteration: Size
    versions: dict[str, str]
    """Of Python and packages, as trained."""


@pydantic_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class RobotEntry(RobotLayout):
    """:class:`parkour.mdp.robot.RobotLayout`, and the name it is found by."""

    source: str
    """Name of a registered robot, or its id, ``distribution:name``."""
    model_version: str = ""
    """Of the robot; empty where nobody knows."""
    # One number stands for all joints.
    armature: Annotated[float | tuple[float, ...], within(0.0, 10.0)]  # pyright: ignore[reportIncompatibleVariableOverride]

    @model_validator(mode="after")
    def _fits(self) -> RobotEntry:
        check_layout(self)
        return self

    def layout(self) -> RobotLayout:
        """The layout that engines and terms know."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(RobotLayout)}
        values["armature"] = per_joint(self.armature, len(self.joints))
        return RobotLayout(**values)


class TerrainEntry(Section):
    """A terrain of the task."""

    use: str
    share: float = Field(ge=0, le=1e6)
    flat: bool
    params: dict[str, Any]


class TerminationEntry(Section):
    """An end of episodes."""

    use: str
    outcome: str
    params: dict[str, Any]


class Rates(Section):
    """Rates and delays, derived from the numbers of ``timing`` and ``control``."""

    control_hz: float = Field(gt=0, le=1e6)
    perception_hz: float = Field(gt=0, le=1e6)
    action_delay: float = Field(ge=0, le=100.0)
    """[s]"""


class Trained(Section):
    """A randomization or a fault of the sensors in training."""

    use: str
    """``distribution:name`` of the component."""
    params: dict[str, Any]


class Withstands(Section):
    """What the policy was trained to withstand; of everything else nothing is known."""

    action_delay: Delay
    """Least and greatest time between an action and its execution [s]."""
    depth_delay: Delay | None = None
    """Likewise between a picture and its being seen, for policies with a camera [s]."""
    events: dict[str, Trained]
    """Domain randomization: friction, masses, pushes and what else the task drew."""
    faults: dict[str, dict[str, Trained]]
    """Noise and faults of the sensors, by observation group; empty for a policy that saw none."""


UNITS = {
    "robot.default_joint_pos": "rad",
    "robot.stiffness": "N m/rad",
    "robot.damping": "N m s/rad",
    "robot.effort_limit": "N m",
    "robot.saturation_effort": "N m",
    "robot.velocity_limit": "rad/s",
    "robot.armature": "kg m^2",
    "robot.base_height": "m",
    "rates.control_hz": "Hz",
    "rates.perception_hz": "Hz",
    "rates.action_delay": "s",
    "timing.physics_step": "s",
    "timing.episode_length": "s",
    "timing.decimation": "physics steps",
    "timing.perception_period": "control steps",
    "physics.iterations": "iterations",
    "physics.line_search_iterations": "iterations",
    "physics.tolerance": "1",
    "physics.contacts": "contacts",
    "physics.constraints": "constraints",
    "control.action_scale": "rad",
    "control.action_clip": "1",
    "control.action_delay": "control steps",
    "command.speed": "m/s",
    "command.resample": "s",
    "command.deadband": "m/s",
    "goals.radius": "m",
    "goals.dwell": "s",
    "heading.interval": "s",
    "heading.reaction": "s",
    "heading.error": "rad",
    "graphs.period": "control steps",
    "camera.position": "m",
    "camera.roll": "rad",
    "camera.pitch": "rad",
    "camera.yaw": "rad",
    "camera.horizontal_fov": "rad",
    "camera.vertical_fov": "rad",
    "camera.width": "pixels",
    "camera.height": "pixels",
    "camera.range": "m",
    "course.length": "m",
    "course.width": "m",
    "course.levels": "patches",
    "course.columns": "patches",
    "course.difficulty_range": "1",
    "course.roughness": "m",
    "course.max_boxes": "boxes",
    "course.max_goals": "way points",
    "course.cell": "m",
    "course.edge_slope": "1",
    "course.edge_width": "m",
    "course.start_levels": "levels",
    "hardware.lying_joint_pos": "rad",
    "hardware.stand_stiffness": "N m/rad",
    "hardware.stand_damping": "N m s/rad",
    "hardware.limp_damping": "N m s/rad",
    "hardware.limits.joint_lower": "rad",
    "hardware.limits.joint_upper": "rad",
    "hardware.limits.joint_margin": "rad",
    "hardware.limits.joint_speed": "rad/s",
    "hardware.limits.torque": "N m",
    "hardware.limits.tilt": "rad",
    "hardware.limits.motor_temperature": "deg C",
    "hardware.limits.battery_voltage": "V",
    "withstands.action_delay": "s",
    "withstands.depth_delay": "s",
}
"""Of the numbers in ``deploy.toml``; an observation's fields say theirs themselves, components' in their ``Params``."""


class Manifest(Section):
    """The contents of ``deploy.toml``."""

    format: Literal["parkour-deploy"] = FORMAT
    format_version: Literal[2] = VERSION
    kind: Annotated[str, Field(min_length=1, max_length=200)]
    """Export target: ``onnx``, ``jit``, or the id of a plugin's, ``distribution:name``."""
    dtype: Literal["float32", "float16"]
    """Of the weights; inputs and outputs are float32 always."""
    batch: Annotated[int | Literal["dynamic"], within(1, 10**6)]
    opset: Annotated[int | None, within(1, 1000)] = None
    task: TaskEntry
    checkpoint: CheckpointEntry
    graphs: tuple[Graph, ...]
    robot: RobotEntry
    hardware: HardwareEntry | None = None
    """Of the real robot; None for one that ``robot.toml`` says nothing of."""
    withstands: Withstands
    units: dict[str, str]
    """See :data:`UNITS`."""
    rates: Rates
    timing: Timing
    physics: Physics = Physics()
    """How ``sim2sim`` finds and solves contacts: as the worlds did in training. Earlier exports do not say it."""
    control: Control
    command: Command
    goals: Goals
    heading: Heading = Heading()
    """What the yaws are angles to in ``sim2sim``; on a robot it is the operator's heading, whatever is said here."""
    observation: Observation
    camera: Camera | None = None
    """Where a group needs one; the group's parameters say what becomes of its pictures."""
    course: CourseField
    terrains: dict[str, TerrainEntry]
    terminations: dict[str, TerminationEntry]

    def graph(self, name: str) -> Graph:
        """The graph of a name."""
        return next(graph for graph in self.graphs if graph.name == name)
