"""What a task is made of: ground, robot, terms, and the task itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from parkour.specs.spec import Kind, Spec


@dataclass(frozen=True, kw_only=True)
class TerrainSpec(Spec):
    """A generator ``(difficulty, rng, params) -> SubTerrain``."""

    kind: ClassVar[Kind] = "terrain"
    flat: bool = False
    """Whether policies see this terrain as flat (the flat flag of the proprioception, the orientation reward)."""
    graded: bool = True
    """Whether its courses depend on the difficulty; where they do not, it is neither asked for nor shown."""


@dataclass(frozen=True, kw_only=True)
class RewardSpec(Spec):
    """A term ``(ctx, **params) -> Tensor[num_envs]``, or a class with ``__call__(ctx)`` and ``reset(env_ids)``."""

    kind: ClassVar[Kind] = "reward"


@dataclass(frozen=True, kw_only=True)
class ObservationField:
    """A named run of numbers in an observation group."""

    name: str
    size: int
    scale: float = 1.0
    """What the physical quantity is multiplied by."""
    shift: float = 0.0
    """What is added to it then."""
    unit: str = ""
    """Of the quantity itself."""
    limit: float | None = None
    """What a range sensor measures where it meets nothing within its reach; None for what is no range sensor."""


@dataclass(frozen=True, kw_only=True)
class ObservationSpec(Spec):
    """A group: a class made as ``Target(num_envs, device, layout, **params)``.

    See :class:`parkour.mdp.terms.ObservationTerm`.
    """

    kind: ClassVar[Kind] = "observation"
    needs: tuple[Literal["depth_camera"], ...] = ()
    """Sensors that exist only where a group of the task needs them; each is handed to the group as a keyword argument
    of this name (``depth_camera``: a :class:`parkour.mdp.camera.DepthCamera`)."""
    twin: str | None = None
    """``"module:attribute"`` of the same group in numpy, for simulators without torch: a function ``(ctx, **params)``
    of a :class:`parkour.mdp.twins.TwinContext`, or a class (:class:`parkour.mdp.twins.StatefulTwin`)."""


@dataclass(frozen=True, kw_only=True)
class ModifierSpec(Spec):
    """Noise or faults on an observation group: a class made as ``Target(num_envs, device, fields, **params)``.

    See :class:`parkour.mdp.modifiers.Modifier`.
    """

    kind: ClassVar[Kind] = "modifier"


@dataclass(frozen=True, kw_only=True)
class TerminationSpec(Spec):
    """A term ``(ctx, **params) -> Tensor[num_envs]`` of booleans."""

    kind: ClassVar[Kind] = "termination"
    outcome: Literal["success", "time_out", "failure"] = "failure"
    """What the end means. Success and time-out bootstrap the value; a failure does not."""
    twin: str | None = None
    """``"module:attribute"`` of the same term in numpy, for simulators without torch; see :class:`ObservationSpec`."""


EventMode = Literal["startup", "reset", "interval"]


@dataclass(frozen=True, kw_only=True)
class EventSpec(Spec):
    """A term of the domain randomization ``(sim: parkour.mdp.events.SimHandle, env_ids, **params) -> None``."""

    kind: ClassVar[Kind] = "event"
    mode: EventMode
    """When it runs: once, at every episode start, or every so many seconds."""
    other_modes: tuple[EventMode, ...] = ()
    """When it runs instead where a task says so: ``[events.NAME] mode = "reset"``."""


@dataclass(frozen=True, kw_only=True)
class CurriculumSpec(Spec):
    """Which level follows an episode: a function ``(ended, **params) -> Tensor[num_envs]`` of int64.

    It is given a :class:`parkour.terrain.curriculum.EndedEpisodes`. One with a memory is a class, made as
    ``Target(num_envs, device, **params)`` and called with the same.
    """

    kind: ClassVar[Kind] = "curriculum"


@dataclass(frozen=True, kw_only=True)
class CommandTermSpec(Spec):
    """What robots are told to do: a class made as ``Target(num_envs, device, step_dt, **params)``.

    See :class:`parkour.mdp.command.CommandTerm`.
    """

    kind: ClassVar[Kind] = "command_term"
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class RobotSpec(Spec):
    """A robot: a folder with ``robot.toml`` and the files that it names. ``target`` is ``"package:folder"``.

    The folder is found without importing the package. See :mod:`parkour.tasks.robot`.
    """

    kind: ClassVar[Kind] = "robot"
    model_version: str = "1"
    """Of the folder's contents: another one whenever a mass, a limit or a shape changes. Checkpoints keep it."""
    model: str | None = None
    """``"module:function"`` of a function without arguments that returns the robot's MJCF as text, for models that
    another distribution carries; None where ``[model] file`` in ``robot.toml`` names a file of the folder. Files that
    the text names (meshes) have absolute paths."""


@dataclass(frozen=True, kw_only=True)
class TaskAlias:
    """Another name of a task, with the overlay that it stands for."""

    name: str
    overlay: str | None = None


@dataclass(frozen=True, kw_only=True)
class TaskSpec(Spec):
    """A task. ``target`` is ``"package:file.toml"``, or ``"module:attribute"`` of a mapping of the same shape."""

    kind: ClassVar[Kind] = "task"
    aliases: tuple[TaskAlias, ...] = ()
