"""From a task's name to its components: read, overlay, override, validate, resolve."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

from parkour.errors import TaskError
from parkour.quick_imports import import_rsl_rl
from parkour.registry import Registry, default_registry
from parkour.specs import EventSpec, Kind, PolicySpec
from parkour.tasks.changes import SECTIONS, Changes
from parkour.tasks.checks import check_task
from parkour.tasks.components import parameter_model, resolve_component
from parkour.tasks.compose import compose
from parkour.tasks.document import TaskDocument, TaskSource, read_task
from parkour.tasks.layers import ENCODER_SUFFIX, Layers
from parkour.tasks.missing import Missing, find_missing, is_active, refuse
from parkour.tasks.model import TaskModel
from parkour.tasks.names import FORWARD
from parkour.tasks.resolved import ResolvedComponent, ResolvedTask
from parkour.tasks.robot import find_robot
from parkour.tasks.suggest import did_you_mean
from parkour.tasks.uses import CommandUse, EventUse
from parkour.tasks.validation import validate
from parkour.tasks.versions import compare_versions


def load_task(
    source: TaskSource,
    *,
    overlay: str | None = None,
    changes: Changes | None = None,
    registry: Registry | None = None,
) -> ResolvedTask:
    """A task with its components imported and checked; no simulator is started.

    Args:
        source: name, ``distribution:name`` or alias of a registered task, the path of a TOML file, or tables as such a
            file holds them.
        overlay: ``train``, ``eval``, ``play``, or another that the task has; ``train+noisy`` is first the one, then
            the other. None: an alias's own; that of a run's ``task.toml``, which is the task as it ran; else none.
        changes: ``{"rewards.feet_edge.weight": -2.0, "terrain:balance_beam": 0.2}``, applied last; see
            :mod:`parkour.tasks.changes`.
        registry: where names are looked up; what is installed when None.

    Raises:
        UnknownNameError: the task or one of its components is registered nowhere.
        AmbiguousNameError: several distributions register a bare name.
        TaskError: the task or a change does not validate.
        PluginError: a component cannot be imported or does not fit its contract.
    """
    import_rsl_rl()  # Before a policy does.
    registry = registry or default_registry()
    document, alias_overlay = read_task(source, registry)
    return resolve_task(document, overlay=overlay or alias_overlay, changes=changes, registry=registry)


def resolve_task(
    document: TaskDocument,
    *,
    overlay: str | None = None,
    changes: Changes | None = None,
    registry: Registry | None = None,
    spare: Collection[Kind] = (),
    robot_version: str | None = None,
    shipped_with: str | None = None,
) -> ResolvedTask:
    """:func:`load_task` of a document that was read before.

    Components of the kinds in ``spare`` that are not here are left out, and told of in
    :attr:`parkour.tasks.resolved.ResolvedTask.left_out`. ``robot_version`` is of the distribution that the robot once
    came from, for the error if that is gone. ``shipped_with`` is the distribution that brings the task's weights, whose
    versions are not compared.
    """
    registry = registry or default_registry()
    composed = compose(document, overlay, changes)
    model = validate(TaskModel, composed.tables)
    missing = find_missing(model, registry, robot_version)
    refuse(missing, spare)
    compare_versions(model, registry, missing, shipped_with)
    task = _resolve(model, composed.layers, document, registry, missing)
    check_task(task)
    return task


def load_model(document: TaskDocument, overlay: str | None = None) -> TaskModel:
    """A document's validated model, without resolving components (nothing heavy is imported)."""
    return validate(TaskModel, compose(document, overlay).tables)


def _resolve(
    model: TaskModel, layers: Layers, document: TaskDocument, registry: Registry, missing: tuple[Missing, ...]
) -> ResolvedTask:
    absent = {item.path for item in missing}
    robot = find_robot(model.robot, registry)
    model = model.model_copy(update={"camera": robot.mounted(model.camera)})
    parts: dict[str, dict[str, ResolvedComponent]] = {}
    for kind, section in SECTIONS.items():
        parts[section] = {
            key: _component(kind, section, key, use, registry)  # type: ignore[arg-type]
            for key, use in getattr(model, section).items()
            if is_active(use) and (section, key) not in absent and (section, key) != ("commands", FORWARD)
        }
    forward = _forward(model, registry)
    if FORWARD in model.commands and model.commands[FORWARD].enabled:
        parts["commands"][FORWARD] = forward
    if not parts["terrains"]:
        raise TaskError("terrains: the shares sum to 0, expected above 0", hint="--set terrains.NAME.share=0.2")
    _check_modes(model, parts["events"])
    policy = _component("policy", "", "policy", model.policy, registry)
    return ResolvedTask(
        model=model,
        layers=layers,
        robot=robot.layout,
        robot_folder=str(robot.folder),
        robot_id=robot.id,
        robot_version=robot.version,
        robot_model_version=robot.model_version,
        make_robot_model=robot.make_model,
        policy=policy,
        encoders=_encoders(model, policy, registry),
        command=forward,
        curriculum=_curriculum(model, registry, absent),
        algorithm=_algorithm(model, policy),
        modifiers=_modifiers(model, registry, absent),
        overlays=document.overlays,
        origin=document.origin,
        left_out=missing,
        **parts,
    )


def _forward(model: TaskModel, registry: Registry) -> ResolvedComponent:
    """The commanded forward speed. The numbers of ``[command]`` win: whoever evaluates sets them."""
    use = model.commands.get(FORWARD, CommandUse())
    if not use.enabled:
        use = CommandUse()
    numbers = {**use.params, **model.command.model_dump()}
    path = ("commands", FORWARD, "params")
    return resolve_component("command_term", FORWARD, use.use or FORWARD, numbers, use.version, path, registry)


def _curriculum(model: TaskModel, registry: Registry, absent: Collection[tuple[str, ...]]) -> ResolvedComponent | None:
    """What moves robots between levels, if anything does."""
    if not model.course.curriculum or ("curriculum",) in absent:
        return None
    return _component("curriculum", "", "curriculum", model.curriculum, registry)


def _check_modes(model: TaskModel, events: Mapping[str, ResolvedComponent]) -> None:
    for key, component in events.items():
        use: EventUse = model.events[key]
        assert isinstance(component.spec, EventSpec)
        modes = component.spec.mode, *component.spec.other_modes
        mode = use.mode or component.spec.mode
        if mode not in modes:
            raise TaskError(f"events.{key}.mode: {component.id} does not run at {mode}, only at {' or '.join(modes)}")
        if mode == "interval" and use.interval is None:
            raise TaskError(
                f"events.{key}.interval: missing, expected the seconds between runs",
                hint=f"--set events.{key}.interval=8",
            )
        if mode != "interval" and use.interval is not None:
            raise TaskError(f"events.{key}.interval: {component.id} runs at {mode}, so it takes no interval")


def _component(kind: Kind, section: str, key: str, use: Any, registry: Registry) -> ResolvedComponent:
    """Resolve one component of the task: ``use`` is its entry in the model."""
    path = (section, key) if section else (key,)
    return resolve_component(kind, key, use.use or key, use.params, use.version, (*path, "params"), registry)


def _modifiers(
    model: TaskModel, registry: Registry, absent: Collection[tuple[str, ...]]
) -> dict[str, dict[str, ResolvedComponent]]:
    """The enabled modifiers of each enabled observation group."""
    found: dict[str, dict[str, ResolvedComponent]] = {}
    for group, observation in model.observations.items():
        parts = {
            key: resolve_component(
                "modifier", key, use.use or key, use.params, use.version,
                ("observations", group, "modifiers", key, "params"), registry,
            )
            for key, use in observation.modifiers.items()
            if use.enabled and observation.enabled and (group, key) not in absent
        }  # fmt: skip
        if parts:
            found[group] = parts
    return found


def _encoders(model: TaskModel, policy: ResolvedComponent, registry: Registry) -> dict[str, ResolvedComponent]:
    """The encoders that a policy's parameters name, with the numbers the task has for them."""
    named = {
        key: value
        for key, value in policy.kwargs.items()
        if key.endswith(ENCODER_SUFFIX) and isinstance(value, str) and value
    }
    for key in model.policy.encoders:
        if key not in named:
            raise TaskError(f"policy.encoders: unknown key {key!r}; {did_you_mean(key, named)}")
    found: dict[str, ResolvedComponent] = {}
    for key, name in named.items():
        use = model.policy.encoders.get(key)
        params, version = (use.params, use.version) if use else ({}, None)
        path = ("policy", "encoders", key, "params")
        found[key] = resolve_component("encoder", key, name, params, version, path, registry)
    return found


def _algorithm(model: TaskModel, policy: ResolvedComponent) -> BaseModel | None:
    """The numbers of the algorithm, defaults too, where the policy says which there are."""
    if not isinstance(policy.spec, PolicySpec) or policy.spec.algorithm is None:
        return None
    owner = f"policy {policy.id!r}"
    numbers = parameter_model(policy.spec.algorithm, owner)
    hint = f"parkour plugins show {policy.id} --kind policy"
    return validate(numbers, model.algorithm.params, path=("algorithm", "params"), hint=hint)
