"""Components that a task names and that are not here: weights outlive the plugins that they were trained with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from parkour.errors import ParkourError, PluginError, UnknownNameError
from parkour.registry import Registry, resolve_target
from parkour.specs import Kind
from parkour.tasks.changes import SECTIONS
from parkour.tasks.layers import ENCODER_SUFFIX
from parkour.tasks.model import TaskModel
from parkour.tasks.uses import Component, RewardUse, TerrainUse

TRAINING: frozenset[Kind] = frozenset({"reward", "event", "modifier", "terrain", "curriculum", "command_term"})
"""What only training needs: a policy runs without the rewards, randomizations, noise and courses that it learned by.

So it does without further commands, unless it reads them, which the first step tells."""


@dataclass(frozen=True)
class Missing:
    """A component that cannot be had."""

    kind: Kind
    path: tuple[str, ...]
    """In the task: section and key; of a modifier also the group that it is applied to."""
    error: ParkourError
    """Why."""

    @property
    def key(self) -> str:
        """Its name in the task."""
        return self.path[-1]

    def __str__(self) -> str:
        return self.error.message


def is_active(use: Component) -> bool:
    """Whether the task uses a component: enabled, and not at share or weight 0."""
    if isinstance(use, TerrainUse) and use.share == 0:
        return False
    if isinstance(use, RewardUse) and use.weight == 0:
        return False
    return use.enabled


def find_missing(model: TaskModel, registry: Registry, robot_version: str | None = None) -> tuple[Missing, ...]:
    """All components that a task uses and that are not registered, or cannot be imported.

    ``robot_version`` is that of the distribution that the robot once came from.
    """
    found = []
    for kind, path, name, version in components_of(model, robot_version):
        try:
            item = registry.get(kind, name, version=version)
            if kind != "robot":
                resolve_target(item.spec.target, owner=f"{kind} {item.id!r}")
        except (UnknownNameError, PluginError) as error:
            found.append(Missing(kind, path, error))
    return tuple(found)


def refuse(missing: Sequence[Missing], spared: Collection[Kind]) -> None:
    """Raises the error of the first that is not to be spared, which names all others too.

    Raises:
        UnknownNameError, PluginError: something is missing that is needed.
    """
    needed = [item for item in missing if item.kind not in spared]
    if not needed:
        return
    error = needed[0].error
    others = [str(item) for item in missing if item is not needed[0]]
    if others:
        error.message = f"{error.message}; besides, {'; '.join(others)}"
        error.args = (error.message,)
    raise error


def components_of(
    model: TaskModel, robot_version: str | None = None
) -> Iterator[tuple[Kind, tuple[str, ...], str, str | None]]:
    """Kind, path, name and version of every component that a task uses; paths as in :attr:`Missing.path`."""
    yield "robot", ("robot",), model.robot, robot_version
    for kind, section in SECTIONS.items():
        for key, use in getattr(model, section).items():
            if is_active(use):
                yield cast("Kind", kind), (section, key), use.use or key, use.version
    for group, observation in model.observations.items():
        for key, use in observation.modifiers.items():
            if use.enabled and observation.enabled:
                yield "modifier", (group, key), use.use or key, use.version
    if model.course.curriculum:
        yield "curriculum", ("curriculum",), model.curriculum.use, model.curriculum.version
    policy = model.policy
    yield "policy", ("policy",), policy.use or "policy", policy.version
    for key, name in policy.params.items():
        if key.endswith(ENCODER_SUFFIX) and isinstance(name, str) and name:
            encoder = policy.encoders.get(key)
            yield "encoder", ("policy", key), name, encoder.version if encoder else None
