"""What a plugin hands over: one frozen dataclass per kind of component.

A spec is a name, a line of text and addresses. It imports nothing heavy, so that listing every plugin costs
milliseconds; ``target`` and ``params`` are ``"module:attribute"`` strings that are resolved when a task needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Kind = Literal[
    "terrain", "reward", "observation", "modifier", "termination", "event", "encoder", "policy", "engine", "task",
    "robot", "command", "degradation", "robot_link", "depth_source", "export_target", "metric",
    "protocol", "logger", "callback", "curriculum", "command_term",
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "terrain", "reward", "observation", "modifier", "termination", "event", "encoder", "policy", "engine", "task",
    "robot", "command", "degradation", "robot_link", "depth_source", "export_target", "metric",
    "protocol", "logger", "callback", "curriculum", "command_term",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What all specs have."""

    kind: ClassVar[Kind]

    name: str
    """Lower-case letters, digits, ``-``, ``_`` and ``.``; unique within its distribution and kind."""
    summary: str
    """One line for lists."""
    target: str
    """``"module:attribute"`` of the component, imported when it is first used."""
    params: str | None = None
    """``"module:Class"`` of the :class:`parkour.params.Params` model, or None for a component without parameters."""
    source: str = ""
    """Paper, formula or publication that the component follows."""


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
class EncoderSpec(Spec):
    """A factory ``(input_shape, latent_dim, **params) -> nn.Module``."""

    kind: ClassVar[Kind] = "encoder"
    encodes: Literal["scan", "history", "privileged", "depth"]
    recurrent: bool = False
    """Whether the module keeps a state from step to step."""


@dataclass(frozen=True, kw_only=True)
class PolicySpec(Spec):
    """A factory of the rsl-rl training configuration: see :class:`parkour.policies.definition.PolicyDefinition`."""

    kind: ClassVar[Kind] = "policy"
    stage: Literal["teacher", "student"]
    algorithm: str | None = None
    """``"module:Class"`` of the parameter model of a task's ``[algorithm.params]``; with None nobody checks them before
    the policy does, and a run keeps only those that the task writes down."""


@dataclass(frozen=True, kw_only=True)
class EngineSpec(Spec):
    """A simulator: a class that fulfils :class:`parkour.engines.protocol.Engine`."""

    kind: ClassVar[Kind] = "engine"
    extra: str = ""
    """The extra of ``parkour-lab`` that installs it."""
    preference: int = 0
    """Of the engines that can run, the one with the greatest is taken where none is named."""


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
class CommandSpec(Spec):
    """A command of ``parkour``, or a group of them: ``target`` is the address of a ``typer.Typer``.

    See :func:`parkour.commands.make_app`. The name is what users type, the summary its line in ``parkour --help``.
    """

    kind: ClassVar[Kind] = "command"


@dataclass(frozen=True, kw_only=True)
class DegradationSpec(Spec):
    """What a policy must withstand: ``target`` is the address of changes to the task, a mapping.

    ``{"control.action_delay": 2}`` sets a value, ``{"event:friction": True}`` sees that there is a component; see
    :mod:`parkour.tasks.changes`. Tables are merged into those that are there.
    """

    kind: ClassVar[Kind] = "degradation"
    part: Literal["camera", "body"] = "body"
    """What of the robot is worse than it should be. Policies without a camera are spared those of the camera."""


@dataclass(frozen=True, kw_only=True)
class RobotLinkSpec(Spec):
    """A robot within reach of ``parkour deploy``: a class made as ``Target(context)``.

    See :class:`parkour_deploy.links.link.RobotLink`. For the robot's own computer, where only ``parkour-deploy`` is
    installed, the same address goes into the entry-point group ``parkour.robot_links``.
    """

    kind: ClassVar[Kind] = "robot_link"


@dataclass(frozen=True, kw_only=True)
class DepthSourceSpec(Spec):
    """A depth camera for ``parkour deploy``: a class made as ``Target(context)``.

    See :class:`parkour_deploy.depth.source.DepthSource`; the entry-point group is ``parkour.depth_sources``.
    """

    kind: ClassVar[Kind] = "depth_source"


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """What policies are scored by: a number of each episode.

    Per step: a term ``(ctx, **params) -> Tensor[num_envs]``, or a class with ``__call__(ctx)`` and ``reset(env_ids)``,
    as rewards are. Per episode: ``(table, **params)`` of a :class:`parkour.evaluation.episodes.EpisodeTable`, ``M``
    episodes, to an array ``[M]`` or a :class:`parkour.evaluation.metrics.Pooled`. Parameters have their defaults.
    """

    kind: ClassVar[Kind] = "metric"
    per: Literal["step", "episode"] = "step"
    """What the target is called for."""
    reduce: Literal["mean", "sum", "max", "min", "last"] = "mean"
    """How the numbers of an episode's steps become one; numbers that are not finite are left out."""
    label: str = ""
    """In tables; the name where it is empty."""
    unit: str = ""
    digits: int = 2
    """Behind the decimal point, in tables."""
    better: Literal["more", "less", "neither"] = "neither"
    """What is good: it colours the differences of two policies."""
    place: int = 100
    """In tables: those with smaller numbers come first, built-in ones are below 100."""


@dataclass(frozen=True, kw_only=True)
class ProtocolSpec(Spec):
    """A way of trying a policy: ``target`` is the address of a :class:`parkour.evaluation.protocol.EvaluationProtocol`.

    Its name and summary are the spec's.
    """

    kind: ClassVar[Kind] = "protocol"


@dataclass(frozen=True, kw_only=True)
class ExportTargetSpec(Spec):
    """A format that ``parkour export`` writes: a class made as ``Target(**params)``.

    See :class:`parkour.exporters.targets.ExportTarget`.
    """

    kind: ClassVar[Kind] = "export_target"


@dataclass(frozen=True, kw_only=True)
class LoggerSpec(Spec):
    """Where the numbers of a training go: a class made as ``Target(context)``.

    The context is a :class:`parkour.learning.loggers.LoggerContext`; the object has ``on_iteration(iteration)``, which
    is given a :class:`parkour.learning.iteration.Iteration`, and ``close()``.
    """

    kind: ClassVar[Kind] = "logger"
    keeps: tuple[str, ...] = ()
    """Names of its own files in a run folder that a run which never trained may lose."""
    online: bool = False
    """Whether it talks to a server: then checks do not make one."""


@dataclass(frozen=True, kw_only=True)
class CallbackSpec(Spec):
    """What is called as a training goes: a class made as ``Target(**params)``, a
    :class:`parkour.learning.callbacks.TrainingCallback`."""

    kind: ClassVar[Kind] = "callback"
    renders: bool = False
    """Whether it wants pictures: the environment is made so that it gives them, which costs memory and time."""


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
