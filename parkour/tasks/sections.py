"""The sections of a task that are numbers: times, physics, control, course, camera, goals, command, algorithm."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from parkour.params import ORDERED, middle, within

Positive = Annotated[float, Field(gt=0, le=1e6)]
Delay = Annotated[int | tuple[int, int], within(0, 100), ORDERED]
Speed = Annotated[tuple[float, float], within(-10.0, 10.0), ORDERED]
Share = Annotated[tuple[float, float], within(0.0, 1.0), ORDERED]
Levels = Annotated[tuple[int, int], within(0, 999), ORDERED]
Angle = Annotated[float, Field(ge=-math.pi / 2, le=math.pi / 2)]
FieldOfView = Annotated[float, Field(ge=0.05, le=3.0)]

MOST_CELLS = 8_000_000 * 72
"""Of a field's rasters, at five bytes each: 20,000 patches of 18 x 4 m in cells of 5 cm."""


class Section(BaseModel):
    """Base of every section: unknown keys are errors, attribute docstrings are the field's description."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


class Timing(Section):
    physics_step: float = Field(default=0.005, ge=1e-4, le=0.1)
    """Physics step [s]."""
    decimation: int = Field(default=4, ge=1, le=100)
    """Physics steps per control step."""
    episode_length: float = Field(default=20.0, ge=1e-3, le=3600.0)
    """Time-out [s]."""
    perception_period: int = Field(default=5, ge=1, le=1000)
    """Control steps between refreshes of scan, yaws and depth."""

    @model_validator(mode="after")
    def _steps(self) -> Timing:
        step = self.physics_step * self.decimation
        if not step <= 1.0:
            raise ValueError(f"a control step (timing.physics_step x timing.decimation) of at most 1 s, got {step:g} s")
        if round(self.episode_length / step) < 1:
            raise ValueError(f"episodes (timing.episode_length) of at least one control step, {step:g} s")
        return self


SAME_RESULTS = frozenset({"broad_phase", "contact_forces", "motors", "solver"})
"""Fields of :class:`Physics` that change how long a step takes, and not what comes of it."""


class Physics(Section):
    """How contacts are found and solved in the engine mujoco; what simulates in isaaclab has settings of its own."""

    iterations: int = Field(default=10, ge=1, le=1000)
    """Iterations of the constraint solver per physics step, at most: robots that walk need 1.7, one in a thousand 6
    or more."""
    line_search_iterations: int = Field(default=20, ge=1, le=1000)
    """Steps of the line search in each iteration, at most."""
    tolerance: float = Field(default=1e-8, ge=0, le=1.0)
    """The solver ends where an iteration improves its scaled cost by less; MuJoCo Warp takes 1e-6 for less."""
    contacts: int = Field(default=45, ge=1, le=10_000)
    """MuJoCo Warp: room for contacts, and for pairs of shapes that may touch, per robot; all robots share it. A Go2
    that walks has 2.4, one that was thrown about had at most 23."""
    constraints: int = Field(default=220, ge=1, le=100_000)
    """MuJoCo Warp: room for constraints of each robot: four per contact, one per joint at its limit. A Go2 that walks
    has 10, one that was thrown about had at most 94."""
    broad_phase: Literal["auto", "all", "near"] = "auto"
    """MuJoCo Warp: look for contacts with the boxes within the robot's reach, or with all; both find the same.
    ``auto``, here and below: the quicker one where it serves this robot, else the other, with a line that says why."""
    contact_forces: Literal["auto", "sensors", "constraints"] = "auto"
    """MuJoCo Warp: contact forces from the solver's, or by MuJoCo's contact sensors; both give the same."""
    motors: Literal["auto", "torch", "kernel"] = "auto"
    """MuJoCo Warp: torques by a kernel, so that a control step is one graph, or by torch; both give the same."""
    solver: Literal["auto", "batched", "fused"] = "auto"
    """MuJoCo Warp: iterate each robot's constraints to their end in one kernel, or all robots' together until the last
    is done; both are Newton's method and give the same."""


class Environments(Section):
    """How many environments run when nobody says."""

    cuda: int = Field(default=6144, ge=1, le=1_000_000)
    cpu: int = Field(default=64, ge=1, le=1_000_000)


class Control(Section):
    action_scale: float = Field(default=0.25, gt=0, le=10.0)
    """Joint target = default + scale * clipped action [rad]."""
    action_clip: float = Field(default=4.8, gt=0, le=1000.0)
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

    length: float = Field(default=16.0, ge=4.0, le=64.0)
    """Extent of a patch along x [m]. Way points lie inside; rasters cover it and 1 m around, and cost memory."""
    width: float = Field(default=4.0, ge=1.0, le=64.0)
    """Extent of a patch along y [m]. Built-in terrains are 16 by 4 m, however large the patch."""
    levels: int = Field(default=10, ge=1, le=1000)
    columns: int = Field(default=40, ge=1, le=10_000)
    difficulty: Literal["levels", "random"] = "levels"
    """``levels``: row i has difficulty i/(levels-1); ``random``: a uniform draw per patch."""
    difficulty_range: Share = (0.0, 1.0)
    """Difficulties are mapped into this interval."""
    roughness: Annotated[tuple[float, float], within(0.0, 0.5)] = (0.02, 0.06)
    """Greatest amplitude of the bumps at difficulty 0 and 1 [m]; the least is 0.02 or this, if lower."""
    max_boxes: int = Field(default=48, ge=1, le=512)
    """Boxes per patch, bumps included. They cost physics: 12 in place of 40 saved 6 % of it on a GPU."""
    max_goals: int = Field(default=8, ge=1, le=256)
    """Way points per patch, at most."""
    cell: float = Field(default=0.05, ge=0.01, le=1.0)
    """Cell of the height and edge rasters [m]."""
    edge_slope: float = Field(default=1.5, gt=0, le=1000.0)
    """A cell is an edge where the height changes along x by more than this slope."""
    edge_width: float = Field(default=0.05, ge=0, le=1.0)
    """Edges are widened by this on both sides along x [m]."""
    curriculum: bool = True
    """Move robots between levels at episode ends, by what ``curriculum.use`` names."""
    start_levels: Levels = (0, 2)
    """First levels are drawn from this range, ends included; what is above the highest level is that."""

    @model_validator(mode="after")
    def _patches(self) -> CourseField:
        most = int(MOST_CELLS / 72 * self.cell**2)
        if self.levels * self.columns > most:
            raise ValueError(f"at most {most:,} patches (course.levels x course.columns) with cells of {self.cell:g} m")
        return self


class CameraMounting(Section):
    """Where the depth camera sits on the robot; angles in radians. What a task leaves out, ``robot.toml`` says."""

    position: Annotated[tuple[float, float, float], within(-2.0, 2.0)] = (0.33, 0.0, 0.08)
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
    range: float = Field(default=2.0, ge=0.01, le=100.0)
    """Greatest distance along a ray; whatever is further away, or not there, reads this [m]."""


class Goals(Section):
    radius: float = Field(default=0.2, ge=0.001, le=10.0)
    """A way point is reached within this horizontal distance [m] …"""
    dwell: float = Field(default=0.1, ge=0, le=60.0)
    """… for longer than this [s]."""


class Heading(Section):
    """What the yaws of the observations are angles to. Rewards go by the way points, whatever is said here."""

    source: Literal["way_points", "operator", "hold"] = "way_points"
    """``way_points``: the exact angles to the next two way points. ``operator``: somebody sees robot and course, and
    commands a heading towards the way point every ``interval`` seconds; the robot keeps it meanwhile. ``hold``: the
    robot keeps the heading that it has at the episode's start."""
    interval: float = Field(default=1.0, ge=0.01, le=3600.0)
    """Seconds between the operator's looks."""
    reaction: float = Field(default=0.3, ge=0, le=10.0)
    """From a look to the command that comes of it [s]; the first one of an episode counts at once."""
    error: float = Field(default=0.05, ge=0, le=1.0)
    """Standard deviation of each commanded heading's error [rad]."""

    @model_validator(mode="after")
    def _reaction(self) -> Heading:
        if self.source == "operator" and not self.reaction < self.interval:
            most = f"heading.interval, {self.interval:g} s"
            raise ValueError(f"a reaction (heading.reaction) shorter than {most}, got {self.reaction:g} s")
        return self


class Command(Section):
    speed: Speed = (0.3, 0.8)
    """Range of the commanded forward speed [m/s]."""
    resample: Annotated[float | Literal["never"], within(1e-3, 3600.0)] = 6.0
    """Seconds between draws within an episode; ``never`` draws once per episode."""
    deadband: float = Field(default=0.2, ge=0, le=10.0)
    """Commands below this are set to 0 [m/s]."""


class Algorithm(Section):
    """Numbers of the training algorithm (PPO, and what the policy adds to it)."""

    steps_per_env: int = Field(default=24, ge=1, le=10_000)
    iterations: int = Field(default=50_000, ge=1, le=100_000_000)
    save_interval: int = Field(default=100, ge=1, le=100_000_000)
    noise_ramp: int = Field(default=0, ge=0, le=100_000_000)
    """Iterations over which the chance of each modifier grows from 0 to its own; 0 begins with the whole of it."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Passed to the policy: learning rate, epochs, mini-batches, …; validated by the policy's own model."""
