"""The hooks a plugin can implement. Each returns specs; none may import a simulator or torch when it is called."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from parkour.entry_points import PROJECT
from parkour.specs import (
    CallbackSpec,
    CommandSpec,
    CommandTermSpec,
    CurriculumSpec,
    DegradationSpec,
    DepthSourceSpec,
    EncoderSpec,
    EngineSpec,
    EventSpec,
    ExportTargetSpec,
    Kind,
    LoggerSpec,
    MetricSpec,
    ModifierSpec,
    ObservationSpec,
    PolicySpec,
    ProtocolSpec,
    RewardSpec,
    RobotLinkSpec,
    RobotSpec,
    TaskSpec,
    TerminationSpec,
    TerrainSpec,
)

API_VERSION = "1.1"
"""Version of the hooks, specs and contracts, ``major.minor``. A new minor version only adds to them; a new major
version may take away. A plugin says what it was written for in ``PARKOUR_API = "1.1"``, beside its hooks."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin module as an implementation of one of the hooks below."""


@hookspec
def register_terrains() -> Iterable[TerrainSpec]:  # type: ignore[empty-body]
    """Sub-terrain generators.

    A target is called as ``(difficulty, rng, params)`` with a difficulty from 0 to 1, numpy's random generator, from
    which every draw must come, and an instance of the parameter model; it returns a
    :class:`parkour.terrain.sub_terrain.SubTerrain`. A task gives it a share of the field's columns:
    ``[terrains.NAME] share = 0.2``, or ``--with terrain:NAME=0.2``.
    """


@hookspec
def register_rewards() -> Iterable[RewardSpec]:  # type: ignore[empty-body]
    """Reward terms.

    A target is a function ``(ctx, **params)`` of a :class:`parkour.mdp.context.StepContext` that returns one float per
    environment, or a class with a memory (:class:`parkour.mdp.terms.StatefulTerm`). A task gives it a weight:
    ``[rewards.NAME] weight = -0.5``, or ``--with reward:NAME=-0.5``; weight and control step are multiplied outside.
    """


@hookspec
def register_observations() -> Iterable[ObservationSpec]:  # type: ignore[empty-body]
    """Observation groups.

    A target is a class made as ``Target(num_envs, device, layout, **params)``
    (:class:`parkour.mdp.terms.ObservationTerm`). A task has it as ``[observations.NAME]``, or
    ``--with observation:NAME``; which groups are read is the policy's choice.
    """


@hookspec
def register_modifiers() -> Iterable[ModifierSpec]:  # type: ignore[empty-body]
    """Noise and faults that tasks apply to observation groups.

    A target is a class made as ``Target(num_envs, device, fields, **params)``
    (:class:`parkour.mdp.modifiers.Modifier`). A task applies it to a group with
    ``[observations.GROUP.modifiers.NAME]``.
    """


@hookspec
def register_terminations() -> Iterable[TerminationSpec]:  # type: ignore[empty-body]
    """Termination terms.

    A target is a function ``(ctx, **params)`` of a :class:`parkour.mdp.context.StepContext` that returns one bool per
    environment, or a class with a memory (:class:`parkour.mdp.terms.StatefulTerm`). The spec's ``outcome`` says what
    the end means. A task has it as ``[terminations.NAME]``, or ``--with termination:NAME``.
    """


@hookspec
def register_events() -> Iterable[EventSpec]:  # type: ignore[empty-body]
    """Domain randomization: at startup, at reset or at intervals.

    A target is a function ``(sim, env_ids, **params)`` that calls methods of a
    :class:`parkour.mdp.events.SimHandle` for the environments ``env_ids``. A task has it as ``[events.NAME]``, with
    ``interval`` in seconds for the mode ``interval``, or ``--with event:NAME=8``.
    """


@hookspec
def register_encoders() -> Iterable[EncoderSpec]:  # type: ignore[empty-body]
    """Networks that turn an observation group into a latent.

    A target is a factory ``(input_shape, latent_dim, **params)`` of a module from ``[N, *input_shape]`` to
    ``[N, latent_dim]``; a recurrent one also takes proprioception and a state, and returns the next state. A task
    names it in its policy's parameters: ``[policy.params] scan_encoder = "NAME"``, with its own numbers under
    ``[policy.encoders.scan_encoder]``.
    """


@hookspec
def register_policies() -> Iterable[PolicySpec]:  # type: ignore[empty-body]
    """Policies: model, algorithm and the observation groups they read.

    A target is a function of the :class:`parkour.tasks.resolved.ResolvedTask` that returns a
    :class:`parkour.policies.definition.PolicyDefinition`. A task names it: ``[policy] use = "NAME"``.
    """


@hookspec
def register_engines() -> Iterable[EngineSpec]:  # type: ignore[empty-body]
    """Simulators.

    A target is a class made without arguments that fulfils :class:`parkour.engines.protocol.Engine`: it says whether
    it can run here, and makes environments of a task. Commands choose one with ``--engine NAME``.
    """


@hookspec
def register_tasks() -> Iterable[TaskSpec]:  # type: ignore[empty-body]
    """Tasks.

    A target is ``"package:file.toml"``, a resource of the package, or ``"module:attribute"``, a mapping of the same
    shape: the fields of :class:`parkour.tasks.model.TaskModel`, with ``extends`` and ``overlays``. Commands take its
    name or one of its aliases: ``parkour train NAME``.
    """


@hookspec
def register_robots() -> Iterable[RobotSpec]:  # type: ignore[empty-body]
    """Robots.

    A target is ``"package:folder"``, a folder of the package with ``robot.toml``: joints, feet and bodies by name, the
    default pose, gains and limits, and tables with what each engine needs, such as the model file. Nothing of the
    package is imported. A task names it: ``robot = "NAME"``.
    """


@hookspec
def register_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body]
    """Commands of ``parkour``.

    A target is a ``typer.Typer`` (:func:`parkour.commands.make_app` makes one), with one command or several. Its
    module is imported when the command is run: ``parkour --help`` shows name and summary, and imports nothing. A name
    that another command has is called by its id: ``parkour DISTRIBUTION:NAME``.
    """


@hookspec
def register_degradations() -> Iterable[DegradationSpec]:  # type: ignore[empty-body]
    """Degradations of the gauntlet: what sensors and bodies do that the task does not foresee.

    A target is a mapping of changes to the task (:mod:`parkour.tasks.changes`), paths to values:
    ``{"event:friction": True, "events.friction.params.range": [0.4, 0.4]}``. It says all that it depends on, because
    tasks differ: of a modifier ``use``, ``enabled``, ``chance`` and every parameter.
    ``parkour eval --protocol gauntlet`` tries policies under each, ``--only NAME`` under one.
    """


@hookspec
def register_robot_links() -> Iterable[RobotLinkSpec]:  # type: ignore[empty-body]
    """Robots within reach of ``parkour deploy``.

    A target is a class made with a :class:`parkour_deploy.links.link.LinkContext`, which fulfils
    :class:`parkour_deploy.links.link.RobotLink`: states come from it, and commands go to it. Commands choose one with
    ``--link NAME`` or ``--link NAME:ARGUMENT``.
    """


@hookspec
def register_depth_sources() -> Iterable[DepthSourceSpec]:  # type: ignore[empty-body]
    """Depth cameras of robots.

    A target is a class made with a :class:`parkour_deploy.depth.source.SourceContext`, which fulfils
    :class:`parkour_deploy.depth.source.DepthSource`: it gives the newest picture on the policy's own camera. Commands
    choose one with ``--depth NAME`` or ``--depth NAME:ARGUMENT``.
    """


@hookspec
def register_export_targets() -> Iterable[ExportTargetSpec]:  # type: ignore[empty-body]
    """Formats that policies are exported to.

    A target is a class made as ``Target(**params)``, which fulfils :class:`parkour.exporters.targets.ExportTarget`:
    it writes a file for each graph of a policy, and may run them, so that they are compared with torch. Each is
    a sub-command of ``parkour export``, whose ``--set KEY=VALUE`` sets its numbers.
    """


@hookspec
def register_metrics() -> Iterable[MetricSpec]:  # type: ignore[empty-body]
    """What policies are scored by.

    A target is a term of the :class:`parkour.mdp.context.StepContext`, as rewards are, whose numbers become one number
    of each episode (``per="step"``, ``reduce``); or a function of the finished episodes (``per="episode"``).
    ``parkour eval`` shows the mean and spread of all that are registered, and writes them with ``--json``.
    """


@hookspec
def register_protocols() -> Iterable[ProtocolSpec]:  # type: ignore[empty-body]
    """Ways of trying policies.

    A target is a :class:`parkour.evaluation.protocol.EvaluationProtocol`: changes to the task
    (:mod:`parkour.tasks.changes`), which of its overlays they lie on, and how robots are spread over terrains and
    levels. Commands choose one with ``parkour eval --protocol NAME``.
    """


@hookspec
def register_loggers() -> Iterable[LoggerSpec]:  # type: ignore[empty-body]
    """Where the numbers of a training go, besides ``metrics.jsonl``.

    A target is a class made with a :class:`parkour.learning.loggers.LoggerContext`, which is told of every iteration in
    the first process (:class:`parkour.learning.iteration.Listener`). Commands choose one with
    ``parkour train --logger NAME``. One that fails is told of in a line, and training goes on without it.
    """


@hookspec
def register_callbacks() -> Iterable[CallbackSpec]:  # type: ignore[empty-body]
    """What is called as a training goes: at its start, after each iteration, at each checkpoint, at its end.

    A target is a :class:`parkour.learning.callbacks.TrainingCallback`, made with its parameters as keyword arguments.
    Commands choose with ``parkour train --callback NAME,KEY=VALUE``, repeatable. One that fails is told of in a line,
    and training goes on without it.
    """


@hookspec
def register_curricula() -> Iterable[CurriculumSpec]:  # type: ignore[empty-body]
    """Which level of the field, that is which difficulty, a robot meets in its next episode.

    A target is a function ``(ended, **params)`` of a :class:`parkour.terrain.curriculum.EndedEpisodes` that returns one
    level per environment, or a class with a memory. Those whose episode ended take them up. A task names it:
    ``[curriculum] use = "NAME"``, or ``--set curriculum.use=NAME``; ``course.curriculum = false`` switches it off.
    """


@hookspec
def register_command_terms() -> Iterable[CommandTermSpec]:  # type: ignore[empty-body]
    """What robots are told to do, besides their forward speed: a lateral speed, a rate of turning, a gait.

    A target is a class made as ``Target(num_envs, device, step_dt, **params)``
    (:class:`parkour.mdp.command.CommandTerm`). A task has it as ``[commands.NAME]``, or ``--with command_term:NAME``;
    rewards and observations read it as ``ctx.commanded("NAME")``. One that is called ``speed`` there takes the place of
    the forward speed.
    """


HOOKS: dict[Kind, str] = {
    "terrain": "register_terrains",
    "reward": "register_rewards",
    "observation": "register_observations",
    "modifier": "register_modifiers",
    "termination": "register_terminations",
    "event": "register_events",
    "encoder": "register_encoders",
    "policy": "register_policies",
    "engine": "register_engines",
    "task": "register_tasks",
    "robot": "register_robots",
    "command": "register_commands",
    "degradation": "register_degradations",
    "robot_link": "register_robot_links",
    "depth_source": "register_depth_sources",
    "export_target": "register_export_targets",
    "metric": "register_metrics",
    "protocol": "register_protocols",
    "logger": "register_loggers",
    "callback": "register_callbacks",
    "curriculum": "register_curricula",
    "command_term": "register_command_terms",
}
