"""The sensors' noise and faults that can be chosen while people watch: what the task's overlays and the registered
degradations say of observations. What else they say needs another robot or world, and is left to ``eval``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from parkour.engines.task_env import TaskEnv
from parkour.errors import TaskError
from parkour.evaluation.degradations import find_degradations
from parkour.evaluation.protocol import EvaluationProtocol, TaskChanges, evaluation_task
from parkour.mdp.observations import ObservationSet
from parkour.policies.source import Weights
from parkour.policies.task import document_of
from parkour.tasks.build import build_observations
from parkour.tasks.changes import Changes, split_path
from parkour.tasks.document import OVERLAYS
from parkour.tasks.resolved import ResolvedTask
from parkour.viewing.settings import CLEAN

SECTION = "observations"
"""Of a task: what robots sense."""
IN_PART = "{} (sensors)"
"""An overlay that changes more than robots sense, of which this part is laid."""


def noises_of(
    env: TaskEnv, task: ResolvedTask, weights: Weights, protocol: EvaluationProtocol, changes: TaskChanges
) -> Mapping[str, Callable[[], ObservationSet]]:
    """Makers of the environment's observation groups under each noise, the current one first.

    Args:
        env: with the groups that it has now.
        task: what is watched.
        weights: of the policy, whose task it is.
        protocol: under which it is watched.
        changes: of the caller.
    """
    own = env.mdp.observations
    found: dict[str, Callable[[], ObservationSet]] = {changes.noise or CLEAN: lambda: own}

    def make(noise: str | None, more: Changes) -> ObservationSet:
        wanted = replace(changes, terrains=(), noise=noise, changes={**changes.changes, **more})
        other = evaluation_task(weights, protocol, wanted)
        made = build_observations(other, num_envs=env.num_envs, device=str(env.device), camera=env.mdp.camera)
        if made.layout != own.layout:
            raise TaskError("the policy would be given other numbers, and not the same ones with noise")
        return made

    found.setdefault(CLEAN, partial(make, None, {}))
    for name, tables in document_of(weights).overlays.items():
        if name in OVERLAYS or SECTION not in tables:
            continue
        if set(tables) == {SECTION}:
            found.setdefault(name, partial(make, name, {}))
        else:
            found.setdefault(IN_PART.format(name), partial(make, None, {SECTION: tables[SECTION]}))
    for degradation in find_degradations():
        if _senses(degradation.changes) and not degradation.obstacle(task):
            found.setdefault(degradation.name, partial(make, None, degradation.changes))
    return found


def _senses(changes: Changes) -> bool:
    """Whether nothing but observation groups that are there changes."""
    return all(":" not in path and split_path(path)[0] == SECTION for path in changes)
