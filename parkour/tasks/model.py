"""The shape of a task: names and numbers only, validated before anything heavy is imported."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from parkour.params import ascending, middle, within
from parkour.specs import EventMode

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Pair = tuple[float, float]
Delay = Annotated[int | tuple[int, int], within(0, 100), AfterValidator(ascending)]
Angle = Annotated[float, Field(ge=-math.pi / 2, le=math.pi / 2)]
FieldOfView = Annotated[float, Field(ge=0.05, le=3.0)]
Stage = Literal["teacher", "student"]
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""Of a task's name: one part of a path, whatever file it comes from."""
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]


class Section(BaseModel):
    """Base of every section: unknown keys are errors, attribute docstrings are the field's description."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


class Timing(Section):
    physics_step: Positive = 0.005
    """Physics step [s]."""
    decimation: int = Field(default=4, ge=1)
    """Physics steps per control step."""
    episode_length: Positive = 20.0
    """Time-out [s]."""
    perception_period: int = Field(default=5, ge=1)
    """Control steps between refreshes of scan, yaws and depth."""


class Environments(Section):
    """How many environments run when nobody says."""

    cuda: int = Field(default=6144, ge=1)
    cpu: int = Field(default=64, ge=1)


class Control(Section):
    action_scale: Positive = 0.25
    """Joint target = default + scale * clipped action [rad]."""
    action_clip: Positive = 4.8
    """Bound on the actions before scaling."""
    action_delay: Delay = 0
    """Control steps between an action and its execution; of a pair, a number between them (ends included) that each
    robot draws at each episode's begin."""

    @property
    def nominal_action_delay(self) -> int:
        """Control steps, where one number is wanted: the middle of a pair."""
        return middle(self.action_delay)


class CourseField(Section):
    """The field of patches: levels (rows, difficulty) by columns (terrain types)."""

    levels: int = Field(default=10, ge=1)
    columns: int = Field(default=40, ge=1)
    difficulty: Literal["levels", "random"] = "levels"
    """``levels``: row i has difficulty i/(levels-1); ``random``: a uniform draw per patch."""
    difficulty_range: Pair = (0.0, 1.0)
    """Difficulties are mapped into this interval."""
    roughness: Pair = (0.02, 0.06)
    """Greatest amplitude of the bumps at difficulty 0 and 1 [m]; the least is 0.02 or this, if lower."""
    max_boxes: int = Field(default=48, ge=1, le=128)
    """Boxes per patch, bumps included."""
    max_goals: int = Field(default=8, ge=1)
    """Way points per patch, at most."""
    cell: Positive = 0.05
    """Cell of the height and edge rasters [m]."""
    edge_slope: Positive = 1.5
    """A cell is an edge where the height changes along x by more than this slope."""
    edge_width: NonNegative = 0.05
    """Edges are widened by this on both sides along x [m]."""
    curriculum: bool = True
    """Move robots between levels at episode ends."""
    start_levels: tuple[int, int] = (0, 2)
    """First levels are drawn from this range, ends included."""


class CameraMounting(Section):
    """Where the depth camera sits on the robot; angles in radians. What a task leaves out, ``robot.toml`` says."""

    position: tuple[float, float, float] = (0.33, 0.0, 0.08)
    """Where it sits on the base, in the base's frame [m]."""
    roll: Angle = 0.0
    """How far it is turned about its own axis, its left side up [rad]."""
    pitch: Angle = math.radians(20.0)
    """How far it looks down from the base's forward axis [rad]."""
    yaw: Angle = 0.0
    """How far it looks left of the base's forward axis [rad]."""


class Camera(CameraMounting):
    """The depth camera, made where an observation group needs one; angles in radians."""

    horizontal_fov: FieldOfView = math.radians(87.0)
    """Angle between the left and the right border of the picture [rad]."""
    vertical_fov: FieldOfView | Literal["square"] = "square"
    """Angle between the upper and the lower border [rad]; ``square``: what square pixels make it."""
    width: int = Field(default=106, ge=1, le=4096)
    """Pixels from left to right."""
    height: int = Field(default=60, ge=1, le=4096)
    """Pixels from top to bottom."""
    range: Positive = 2.0
    """Greatest distance along a ray; whatever is further away, or not there, reads this [m]."""


class Goals(Section):
    radius: Positive = 0.2
    """A way point is reached within this horizontal distance [m] …"""
    dwell: NonNegative = 0.1
    """… for longer than this [s]."""


class Command(Section):
    speed: Pair = (0.3, 0.8)
    """Range of the commanded forward speed [m/s]."""
    resample: Positive | Literal["never"] = 6.0
    """Seconds between draws within an episode; ``never`` draws once per episode."""
    deadband: NonNegative = 0.2
    """Commands below this are set to 0 [m/s]."""


class Component(Section):
    """A reference to a registered component, under the key it has in the task."""

    use: str | None = None
    """Name or ``distribution:name`` of the component; the key itself when left out."""
    enabled: bool = True
    """Overlays switch components off with this."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Numbers for the component's parameter model."""
    version: str | None = None
    """Version of the distribution the task was resolved with; written into run folders, not by hand."""


class TerrainUse(Component):
    share: NonNegative
    """Part of the columns, relative to the other shares; 0 leaves the terrain out."""


class RewardUse(Component):
    weight: float
    """Multiplies the term (and the control step in seconds); 0 switches it off."""


class ModifierUse(Component):
    chance: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of the episodes in which it acts; each environment draws when its episode begins."""


class ObservationUse(Component):
    clip: Positive | None = 100.0
    """Numbers are clipped to ± this."""
    modifiers: dict[str, ModifierUse] = Field(default_factory=dict)
    """Noise and faults, applied in this order."""


class TerminationUse(Component):
    pass


class EventUse(Component):
    mode: EventMode | None = None
    """When it runs, for events that leave the choice; the event's own mode when left out."""
    interval: Positive | None = None
    """Seconds between runs, for events of mode ``interval``."""


class EncoderUse(Section):
    """Numbers for an encoder; its name is the policy's parameter of the same key."""

    params: dict[str, Any] = Field(default_factory=dict)
    """Numbers for the encoder's parameter model."""
    version: str | None = None
    """See :attr:`Component.version`."""


class PolicyUse(Section):
    use: str
    """Name or ``distribution:name`` of the policy."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Numbers for the policy's parameter model."""
    version: str | None = None
    """See :attr:`Component.version`."""
    encoders: dict[str, EncoderUse] = Field(default_factory=dict)
    """By the policy's parameter that names the encoder (``scan_encoder``)."""


class Algorithm(Section):
    """Numbers of the training algorithm (PPO, and what the policy adds to it)."""

    steps_per_env: int = Field(default=24, ge=1)
    iterations: int = Field(default=50_000, ge=1)
    save_interval: int = Field(default=100, ge=1)
    noise_ramp: int = Field(default=0, ge=0)
    """Iterations over which the chance of each modifier grows from 0 to its own; 0 begins with the whole of it."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Passed to the policy: learning rate, epochs, mini-batches, …; validated by the policy's own model."""


class TaskModel(Section):
    """A task without its overlays."""

    name: Name
    """Letters, digits, ``-``, ``_`` and ``.``, at most 64; runs are kept in a folder of this name."""
    summary: str = ""
    stage: Stage
    robot: str = "go2"
    """Name of a registered robot, or its id, ``distribution:name``."""
    timing: Timing = Timing()
    environments: Environments = Environments()
    control: Control = Control()
    course: CourseField = CourseField()
    camera: Camera = Camera()
    goals: Goals = Goals()
    command: Command = Command()
    clip_reward_at_zero: bool = True
    """Clip each step's summed reward from below at 0 (without it, policies learn to fall at once)."""
    terrains: dict[str, TerrainUse]
    rewards: dict[str, RewardUse]
    observations: dict[str, ObservationUse]
    terminations: dict[str, TerminationUse]
    events: dict[str, EventUse] = Field(default_factory=dict)
    policy: PolicyUse
    algorithm: Algorithm = Algorithm()

    @property
    def step_dt(self) -> float:
        """Control step [s]."""
        return self.timing.physics_step * self.timing.decimation

    @property
    def max_episode_steps(self) -> int:
        """Control steps until the time-out."""
        return round(self.timing.episode_length / self.step_dt)
