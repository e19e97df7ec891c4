"""How a policy is tried: the numbers of each protocol, the task under it, and who stands on which level when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from parkour.errors import ParkourError, PluginError, UnknownNameError
from parkour.params import DrawnParams
from parkour.policies.source import Weights
from parkour.policies.task import document_of, task_of
from parkour.registry import RegisteredSpec, Registry, default_registry, resolve_target
from parkour.tasks.changes import Changes, split_path
from parkour.tasks.compose import compose
from parkour.tasks.document import OVERLAYS, TaskDocument
from parkour.tasks.missing import TRAINING
from parkour.tasks.resolved import ResolvedTask
from parkour.tasks.sections import SAME_RESULTS

COLUMNS_PER_TERRAIN = 4
"""Columns that each terrain has in a protocol that gives all of them as many."""


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """A way of trying a policy. Laid over one of the task's overlays."""

    name: str = ""
    """The spec's, where it is registered."""
    summary: str = ""
    """The spec's, where it is registered."""
    changes: Changes = field(default_factory=dict)
    """To the task, see :mod:`parkour.tasks.changes`."""
    equal_shares: bool = True
    """Whether all terrains get as many environments, whatever their shares."""
    stratified: bool = True
    """Whether levels are drawn anew at each episode, stratified on each terrain; else environments keep their patch."""
    overlay: str = "eval"
    """Of the task."""
    difficulty: tuple[float, float] | None = (0.0, 1.0)
    """Range where nobody names one; the task's own when None."""
    columns_per_terrain: int = COLUMNS_PER_TERRAIN
    """With equal shares."""
    degraded: bool = False
    """Whether policies are tried under degradations too; see :mod:`parkour.evaluation.gauntlet`."""


@dataclass(frozen=True)
class TaskChanges:
    """What whoever runs a policy changes of its task."""

    difficulty: tuple[float, float] | None = None
    terrains: Sequence[str] = ()
    """The only ones wanted; all with a share above 0 when empty."""
    noise: str | None = None
    """Preset of sensor noise: an overlay of the task, laid over the protocol's."""
    changes: Changes = field(default_factory=dict)
    """All others, see :mod:`parkour.tasks.changes`; they win."""
    allow_mismatch: bool = False
    """Run the policy though inputs or actions mean something else than in training."""
    allow_missing: bool = False
    """Leave out what only training needs and is not installed."""


def find_protocol(name: str, registry: Registry | None = None) -> EvaluationProtocol:
    """The protocol of a name or id; looked up among what is installed when ``registry`` is None.

    Raises:
        UnknownNameError: there is none.
        PluginError: it is of a plugin, and no protocol.
    """
    registry = registry or default_registry()
    return load_protocol(registry.get("protocol", name), registry)


def load_protocol(item: RegisteredSpec, registry: Registry) -> EvaluationProtocol:
    """A registered protocol, with the name and the summary of its spec.

    Raises:
        PluginError: its target cannot be imported, or is no protocol with changes to the task.
    """
    owner, target = f"protocol {item.id!r}", item.spec.target
    found = resolve_target(target, owner=owner)
    if not isinstance(found, EvaluationProtocol):
        raise PluginError(f"{owner}: {target} is a {type(found).__name__}, expected a parkour.EvaluationProtocol")
    if not isinstance(found.changes, Mapping) or not all(isinstance(path, str) for path in found.changes):
        raise PluginError(
            f"{owner}: changes of {target} are no mapping of paths in the task to values",
            hint='{"timing.episode_length": 20.0}',
        )
    return replace(found, name=registry.shortest(item), summary=item.spec.summary)


def evaluation_task(weights: Weights, protocol: EvaluationProtocol, changes: TaskChanges | None = None) -> ResolvedTask:
    """The task of a checkpoint under a protocol; changes of the caller win.

    Raises:
        CheckpointError: the task needs a component that is not installed.
        TaskError: a change does not fit the task.
        UnknownNameError: a terrain that the task has not.
    """
    changes = changes or TaskChanges()
    document = document_of(weights)
    overlay = _overlay(document, protocol, changes.noise)
    all_changes = {
        **protocol.changes,
        **_terrain_changes(_terrain_shares(document, overlay, changes.changes), protocol, changes.terrains),
        **_difficulty_change(changes.difficulty or protocol.difficulty),
    }
    # Of one path, the later place counts as well as the later value.
    all_changes = {path: value for path, value in all_changes.items() if path not in changes.changes}
    spare = TRAINING if changes.allow_missing else ()
    task = task_of(weights, overlay, all_changes | dict(changes.changes), document=document, spare=spare)
    return task if changes.noise is not None else nominal(task, keep=changes.changes)


def same_courses(
    a: Weights, b: Weights, protocol: EvaluationProtocol, changes: TaskChanges
) -> tuple[ResolvedTask, ResolvedTask]:
    """The tasks under which two checkpoints meet the same courses, though they were trained on others.

    Both get the terrains that both tasks have, with the numbers of A's. What the caller changes wins.

    Raises:
        CheckpointError: a task cannot be rebuilt.
        ParkourError: they have no terrain in common.
    """
    ours, theirs = (_terrain_shares(document_of(w), protocol.overlay, changes.changes) for w in (a, b))
    used = [name for name, share in ours.items() if share > 0 and theirs.get(name, 0.0) > 0]
    terrains = changes.terrains or used
    if not terrains:
        raise ParkourError("--compare: the two tasks have no terrain in common", hint="--terrain NAME")
    changes = replace(changes, terrains=tuple(terrains))
    scored = evaluation_task(a, protocol, changes)
    course = {f"course.{key}": value for key, value in scored.model.course.model_dump(mode="json").items()}
    for name, part in scored.terrains.items():
        numbers = {} if part.params is None else part.params.model_dump(mode="json")
        course |= {f'terrains."{name}".use': part.id, f'terrains."{name}".share': scored.model.terrains[name].share}
        course |= {f'terrains."{name}".params.{key}': value for key, value in numbers.items() if value is not None}
    theirs = replace(changes, changes={**course, **changes.changes})
    return scored, evaluation_task(b, protocol, theirs)


CONDITIONS = ("timing", "physics", "control", "goals", "heading", "command", "events")
"""Sections of a task that say what a policy is up against, besides its courses and its observations."""


def unlike_conditions(a: ResolvedTask, b: ResolvedTask) -> dict[str, tuple[Any, Any]]:
    """Numbers of both tasks that differ, and score one policy on an easier robot than the other, by their paths.

    Courses are not among them (:func:`same_courses`), nor what only one task has, as a camera's events.
    """
    return dict(_differences(_conditions(a), _conditions(b)))


def _conditions(task: ResolvedTask) -> dict[str, Any]:
    """These sections, with all numbers of the events: a task says those alone that are not the event's own.

    Which version of an event's package the task was resolved with is no condition.
    """
    same: dict[str, set[str]] = {"physics": set(SAME_RESULTS)}
    found = task.model.model_dump(mode="json", include=set(CONDITIONS), exclude=same)
    for name, event in found["events"].items():
        event.pop("version", None)
        part = task.events.get(name)
        event["use"] = name if part is None else part.id
        if part is not None and part.params is not None:
            event["params"] = part.params.model_dump(mode="json")
    return found


def _differences(a: Any, b: Any, path: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a.keys() & b.keys() if path else a:
            yield from _differences(a[key], b[key], f"{path}.{key}" if path else key)
    elif a != b:
        yield path, (a, b)


def nominal(task: ResolvedTask, keep: Changes | None = None) -> ResolvedTask:
    """The task with plain numbers in place of what domain randomization draws of its timing, as on a robot.

    Args:
        task: any.
        keep: changes of the caller, which stay as they are.
    """
    kept = [split_path(path) for path in keep or {} if ":" not in path]
    set_already = lambda *path: any(other[: len(path)] == path[: len(other)] for other in kept)  # noqa: E731
    model, observations = task.model, dict(task.observations)
    if not set_already("control", "action_delay"):
        control = model.control.model_copy(update={"action_delay": model.control.nominal_action_delay})
        model = model.model_copy(update={"control": control})
    for name, part in task.observations.items():
        if isinstance(part.params, DrawnParams):
            plain = part.params.deployed()
            fields = {
                key: getattr(part.params, key)
                for key in type(plain).model_fields
                if set_already("observations", name, "params", key)
            }
            observations[name] = replace(part, params=plain.model_copy(update=fields))
    return replace(task, model=model, observations=observations)


def level_plan(terrain: np.ndarray, levels: int, episodes: int, seed: int) -> np.ndarray:
    """Levels of each environment's episodes, spread evenly over every terrain.

    The draws are stratified: the ``n`` episodes on a terrain get one of ``n`` equal slices of the levels each, in
    random order, so that with few episodes as with many no part of the difficulties is left out. Which level it is
    depends on seed, environment and number of the episode: two policies with one seed meet the same courses.

    Args:
        terrain: ``[N]`` terrain of each environment.
        levels: of the field.
        episodes: E, per environment.
        seed: of the draws.

    Returns:
        ``[N, E]`` int64.
    """
    plan = np.zeros((len(terrain), episodes), np.int64)
    for index in np.unique(terrain):
        rng = np.random.default_rng([seed % 2**32, int(index)])
        rows = np.flatnonzero(terrain == index)
        count = len(rows) * episodes
        slices = (np.arange(count) + rng.random(count)) / count
        drawn = np.minimum((slices * levels).astype(np.int64), levels - 1)
        plan[rows] = rng.permutation(drawn).reshape(len(rows), episodes)
    return plan


def _terrain_shares(document: TaskDocument, overlay: str, changes: Changes) -> dict[str, float]:
    """Shares of a task's terrains under an overlay, with those that ``changes`` add; 0 for those that are off."""
    added = {path: value for path, value in changes.items() if path.startswith("terrain:")}
    uses = compose(document, overlay, added).tables.get("terrains")
    shares: dict[str, float] = {}
    for name, use in uses.items() if isinstance(uses, dict) else ():
        share = use.get("share") if isinstance(use, dict) and use.get("enabled", True) else 0.0
        shares[name] = float(share) if isinstance(share, (int, float)) else 0.0
    return shares


def _terrain_changes(
    shares: Mapping[str, float], protocol: EvaluationProtocol, wanted: Sequence[str]
) -> dict[str, Any]:
    for name in wanted:
        if name not in shares:
            raise UnknownNameError("terrain", name, shares, hint=f"to add it: --with terrain:{name}=1 --terrain {name}")
    chosen = [name for name, share in shares.items() if (name in wanted if wanted else share > 0)]
    changes: dict[str, Any] = {}
    for name, share in shares.items():
        equal = protocol.equal_shares or share == 0
        changes[f'terrains."{name}".share'] = 0.0 if name not in chosen else 1.0 if equal else share
        if name in wanted:
            changes[f'terrains."{name}".enabled'] = True
    if protocol.equal_shares:
        changes["course.columns"] = protocol.columns_per_terrain * len(chosen)
    return changes


def _overlay(document: TaskDocument, protocol: EvaluationProtocol, preset: str | None) -> str:
    """Overlays to apply, the noise last."""
    if preset is None:
        return protocol.overlay
    check_noise(document, preset)
    return f"{protocol.overlay}+{preset}"


def check_noise(document: TaskDocument, preset: str) -> None:
    """Whether a task has a preset of noise of that name.

    Raises:
        ParkourError: it is a teacher's.
        UnknownNameError: it has none.
    """
    if document.tables.get("stage") == "teacher":
        name = document.tables["name"]
        raise ParkourError(f"--noise: got {preset!r}, but {name!r} is a teacher, which has no depth camera")
    presets = [name for name in document.overlays if name not in OVERLAYS]
    if preset not in presets:
        raise UnknownNameError(
            "noise preset", preset, presets, hint=f"presets are overlays of the task: [overlays.{preset}]"
        )


def _difficulty_change(difficulty: tuple[float, float] | None) -> dict[str, Any]:
    return {} if difficulty is None else {"course.difficulty_range": list(difficulty)}
