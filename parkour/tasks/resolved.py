"""What a task becomes: every name resolved to a component, ready for an engine to build."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parkour.mdp.robot import RobotLayout
from parkour.registry import BUILTIN
from parkour.specs import Spec
from parkour.tasks.layers import Layers
from parkour.tasks.missing import Missing
from parkour.tasks.model import TaskModel


@dataclass(frozen=True)
class ResolvedComponent:
    """A component that a task uses: spec, where it came from, the imported target and its validated parameters."""

    key: str
    """Its name in the task."""
    id: str
    """Canonical id, ``distribution:name``."""
    version: str
    """Version of the distribution."""
    spec: Spec
    target: Callable[..., Any]
    """The imported ``spec.target``."""
    params: Any
    """Instance of the spec's parameter model, or None."""

    @property
    def kwargs(self) -> dict[str, Any]:
        """Parameters as keyword arguments (terrains take the model itself)."""
        return (
            {} if self.params is None else {name: getattr(self.params, name) for name in type(self.params).model_fields}
        )


@dataclass(frozen=True)
class TaskOrigin:
    """Where a task came from."""

    task: str
    """Canonical id of the registered task, or the path of its file."""
    version: str | None = None
    """Version of the distribution that registered it."""


@dataclass(frozen=True)
class ResolvedTask:
    """A task with every name resolved.

    Disabled components, terrains with share 0 and rewards with weight 0 are left out; ``model`` still has them.
    """

    model: TaskModel
    robot: RobotLayout
    robot_folder: str
    """Folder with the robot's model files."""
    terrains: Mapping[str, ResolvedComponent]
    rewards: Mapping[str, ResolvedComponent]
    observations: Mapping[str, ResolvedComponent]
    terminations: Mapping[str, ResolvedComponent]
    events: Mapping[str, ResolvedComponent]
    policy: ResolvedComponent
    encoders: Mapping[str, ResolvedComponent]
    """Encoders the policy names in its parameters, by their key there."""
    modifiers: Mapping[str, Mapping[str, ResolvedComponent]] = field(default_factory=dict)
    """Noise and faults of each observation group that has any, in the order in which they are applied."""
    overlays: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The task's overlays as written, so that a run's task can be evaluated."""
    robot_id: str = ""
    """Canonical id of the robot."""
    robot_version: str = ""
    """Version of the distribution that registers it."""
    robot_model_version: str = ""
    """Of the robot itself: see :attr:`parkour.specs.RobotSpec.model_version`."""
    make_robot_model: Callable[[], str] | None = None
    """Makes the robot's MJCF; None where ``robot.toml`` names a file of the folder."""
    command: ResolvedComponent | None = None
    """The forward speed, with the numbers of ``[command]``."""
    commands: Mapping[str, ResolvedComponent] = field(default_factory=dict)
    """Commands of the task's table of that name."""
    curriculum: ResolvedComponent | None = None
    """Which level follows an episode; None where ``course.curriculum`` is off, or its plugin was left out."""
    algorithm: Any = None
    """Instance of the parameter model that the policy has for its algorithm, or None."""
    layers: Layers = field(default_factory=Layers)
    """Overlays and changes that are in the model, and what they replaced."""
    origin: TaskOrigin | None = None
    left_out: tuple[Missing, ...] = ()
    """What the model names and is not here, where whoever resolved it could do without."""

    @property
    def robot_source(self) -> str:
        """What finds the robot again: its name, or its id where a plugin has it, which names that plugin once it is
        gone."""
        return self.model.robot if self.robot_id.startswith(f"{BUILTIN}:") else self.robot_id or self.model.robot

    @property
    def overlay(self) -> str | None:
        """The overlays it is under: ``eval``, ``train+noisy``."""
        return self.layers.label

    @property
    def name(self) -> str:
        return self.model.name
