"""How a policy is tried: the numbers of each protocol, the task under it, and who stands on which level when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tomli_w

from parkour.errors import CheckpointError, ParkourError, PluginError, UnknownNameError
from parkour.params import DrawnParams
from parkour.policies.deployed import task_of
from parkour.policies.source import Weights
from parkour.tasks.document import OVERLAYS
from parkour.tasks.resolved import ResolvedTask

COLUMNS_PER_TERRAIN = 4
"""Columns that each terrain has in a protocol that gives all of them as many."""


@dataclass(frozen=True)
class Protocol:
    """A way of trying a policy. Laid over one of the task's overlays."""

    name: str
    summary: str
    sets: tuple[str, ...]
    """As for ``--set``."""
    equal_shares: bool
    """Whether all terrains get as many environments, whatever their shares."""
    stratified: bool
    """Whether levels are dealt anew at each episode, evenly over each terrain; else environments keep their patch."""
    overlay: str = "eval"
    """Of the task."""
    difficulty: tuple[float, float] | None = (0.0, 1.0)
    """Range where nobody names one; the task's own when None."""
    columns_per_terrain: int = COLUMNS_PER_TERRAIN
    """With equal shares."""


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="course",
            summary="0.8 m/s, 30 s, difficulties evenly over the range on every terrain",
            sets=(
                "timing.episode_length=30.0",
                "command.speed=[0.8, 0.8]",
                'command.resample="never"',
                "course.levels=20",
                'course.difficulty="levels"',
                "course.curriculum=false",
                "course.start_levels=[0, 19]",
            ),
            equal_shares=True,
            stratified=True,
        ),
        Protocol(
            name="reference",
            summary="U(0.3, 0.8) m/s, 20 s, 5 x 5 patches of random difficulty, as in earlier tables",
            sets=(
                "timing.episode_length=20.0",
                "command.speed=[0.3, 0.8]",
                'command.resample="never"',
                "course.levels=5",
                "course.columns=5",
                'course.difficulty="random"',
                "course.curriculum=false",
                "course.start_levels=[0, 4]",
            ),
            equal_shares=False,
            stratified=False,
        ),
    )
}


@dataclass(frozen=True)
class TaskChanges:
    """What a command line changes of the task."""

    difficulty: tuple[float, float] | None = None
    terrains: Sequence[str] = ()
    """The only ones wanted; all with a share above 0 when empty."""
    noise: str | None = None
    """Preset of sensor noise: an overlay of the task, laid over the protocol's."""
    sets: Sequence[str] = ()
    withs: Sequence[str] = ()


def find_protocol(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS, hint=f"--protocol {next(iter(PROTOCOLS))}")
    return PROTOCOLS[name]


def evaluation_task(weights: Weights, protocol: Protocol, changes: TaskChanges | None = None) -> ResolvedTask:
    """The task of a checkpoint under a protocol; changes of the command line win.

    Raises:
        CheckpointError: the task needs a component that is not installed.
        TaskError: a change does not fit the task.
        UnknownNameError: a terrain that the task has not.
    """
    changes = changes or TaskChanges()
    base = rebuild_task(weights, changes.withs, protocol.overlay)
    sets = [
        *protocol.sets,
        *_terrain_sets(base, protocol, changes.terrains),
        *_difficulty_sets(changes.difficulty or protocol.difficulty),
        *(_nominal_sets(base) if changes.noise is None else ()),
        *changes.sets,
    ]
    return task_of(weights.checkpoint, _overlay(base, protocol, changes.noise), withs=changes.withs, sets=sets)


def rebuild_task(weights: Weights, withs: Sequence[str] = (), overlay: str = "eval") -> ResolvedTask:
    """The task of a checkpoint under an overlay, with components added.

    Raises:
        CheckpointError: it needs a component that is not installed.
    """
    try:
        task = task_of(weights.checkpoint, overlay)
    except (PluginError, UnknownNameError) as error:
        distribution = str(getattr(error, "name", "")).rpartition(":")[0]
        install = f"install the plugin that provides it: pip install {distribution}" if distribution else error.hint
        broken = error.hint if "missing because" in (error.hint or "") else None
        raise CheckpointError(
            f"the task of checkpoint {weights.path} cannot be rebuilt here: {error.message}", hint=broken or install
        ) from error
    return task_of(weights.checkpoint, overlay, withs=withs) if withs else task


def same_courses(a: Weights, b: Weights, protocol: Protocol, changes: TaskChanges) -> tuple[TaskChanges, TaskChanges]:
    """Changes under which two checkpoints meet the same courses, though they were trained on others.

    Both get the terrains that both tasks have, with the numbers of A's. What the command line sets wins.

    Raises:
        CheckpointError: a task cannot be rebuilt.
        ParkourError: they have no terrain in common.
    """
    ours, theirs = rebuild_task(a, changes.withs), rebuild_task(b, changes.withs)
    terrains = changes.terrains or [name for name in ours.terrains if name in theirs.terrains]
    if not terrains:
        raise ParkourError("--compare: the two tasks have no terrain in common", hint="--terrain NAME")
    changes = replace(changes, terrains=tuple(terrains))
    scored = evaluation_task(a, protocol, changes)
    course = {f"course.{key}": value for key, value in scored.model.course.model_dump(mode="json").items()}
    for name, part in scored.terrains.items():
        numbers = {} if part.params is None else part.params.model_dump(mode="json")
        course |= {f'terrains."{name}".use': part.id, f'terrains."{name}".share': scored.model.terrains[name].share}
        course |= {f'terrains."{name}".params.{key}': value for key, value in numbers.items() if value is not None}
    return changes, replace(changes, sets=(*map(_as_set, course.items()), *changes.sets))


def level_plan(terrain: np.ndarray, levels: int, episodes: int, seed: int) -> np.ndarray:
    """Levels of each environment's episodes, spread evenly over every terrain.

    The ``n`` episodes on a terrain are dealt one to each of ``n`` equal slices of the levels, in random order: with
    few episodes as with many, no part of the difficulties is left out. Which level it is depends on the seed, the
    environment and the number of the episode, so two policies with one seed meet the same courses.

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


def _as_set(item: tuple[str, Any]) -> str:
    """A path and its value as ``--set`` takes them."""
    _, _, text = tomli_w.dumps({"value": item[1]}).partition("=")
    return f"{item[0]}={text.strip()}"


def _nominal_sets(task: ResolvedTask) -> Iterable[str]:
    """Plain numbers in place of what domain randomization draws, as on a robot."""
    if task.model.control.action_delay != task.model.control.nominal_action_delay:
        yield f"control.action_delay={task.model.control.nominal_action_delay}"
    for name, part in task.observations.items():
        if isinstance(part.params, DrawnParams):
            drawn, plain = part.params.model_dump(), part.params.deployed().model_dump()
            for key in drawn:
                if drawn[key] != plain[key]:
                    yield _as_set((f'observations."{name}".params.{key}', plain[key]))


def _terrain_sets(task: ResolvedTask, protocol: Protocol, wanted: Sequence[str]) -> Iterable[str]:
    uses = task.model.terrains
    for name in wanted:
        if name not in uses:
            raise UnknownNameError("terrain", name, uses, hint=f"to add it: --with terrain:{name}=1 --terrain {name}")
    chosen = [name for name in uses if name in wanted] if wanted else list(task.terrains)
    for name, use in uses.items():
        share = 0.0 if name not in chosen else 1.0 if protocol.equal_shares or use.share == 0 else use.share
        yield f'terrains."{name}".share={share}'
        if name in wanted:
            yield f'terrains."{name}".enabled=true'
    if protocol.equal_shares:
        yield f"course.columns={protocol.columns_per_terrain * len(chosen)}"


def _overlay(task: ResolvedTask, protocol: Protocol, preset: str | None) -> str:
    """Overlays to lay on, the noise last."""
    if preset is None:
        return protocol.overlay
    if task.model.stage == "teacher":
        raise ParkourError(f"--noise: got {preset!r}, but {task.name!r} is a teacher, which has no depth camera")
    presets = [name for name in task.overlays if name not in OVERLAYS]
    if preset not in presets:
        raise UnknownNameError(
            "noise preset", preset, presets, hint=f"presets are overlays of the task: [overlays.{preset}]"
        )
    return f"{protocol.overlay}+{preset}"


def _difficulty_sets(difficulty: tuple[float, float] | None) -> Iterable[str]:
    return () if difficulty is None else (f"course.difficulty_range=[{difficulty[0]}, {difficulty[1]}]",)
