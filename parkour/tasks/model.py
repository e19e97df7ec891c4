"""The shape of a task: names and numbers only, validated before anything heavy is imported."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from parkour.tasks.names import Key, Name
from parkour.tasks.sections import (
    Algorithm,
    Camera,
    Command,
    Control,
    CourseField,
    Environments,
    Goals,
    Heading,
    Physics,
    Section,
    Timing,
)
from parkour.tasks.uses import (
    CommandUse,
    CurriculumUse,
    EventUse,
    ObservationUse,
    PolicyUse,
    RewardUse,
    TerminationUse,
    TerrainUse,
)

Stage = Literal["teacher", "student"]


class TaskModel(Section):
    """A task without its overlays."""

    name: Name
    """Letters, digits, ``-``, ``_`` and ``.``, at most 64; runs are kept in a folder of this name."""
    summary: str = ""
    stage: Stage
    robot: str = "go2"
    """Name of a registered robot, or its id, ``distribution:name``."""
    timing: Timing = Timing()
    physics: Physics = Physics()
    environments: Environments = Environments()
    control: Control = Control()
    course: CourseField = CourseField()
    curriculum: CurriculumUse = CurriculumUse()
    camera: Camera = Camera()
    goals: Goals = Goals()
    heading: Heading = Heading()
    command: Command = Command()
    commands: dict[Key, CommandUse] = Field(default_factory=dict)
    """Further commands, such as a lateral speed; one called ``speed`` takes the place of the forward speed, and is
    given the numbers of ``[command]`` as parameters of these names."""
    clip_reward_at_zero: bool = True
    """Clip each step's summed reward from below at 0 (without it, policies learn to fall at once)."""
    terrains: dict[Key, TerrainUse]
    rewards: dict[Key, RewardUse]
    observations: dict[Key, ObservationUse]
    terminations: dict[Key, TerminationUse]
    events: dict[Key, EventUse] = Field(default_factory=dict)
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
