"""What a policy must withstand: named changes of the task, which plugins register."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from parkour.errors import PluginError, TaskError
from parkour.registry import RegisteredSpec, Registry, default_registry, resolve_target
from parkour.specs import DegradationSpec, ObservationSpec
from parkour.tasks.changes import Changes, split_path
from parkour.tasks.resolved import ResolvedTask

_COURSES = ("course", "terrains", "terrain")
"""Sections and kinds of components that the courses are made of."""


@dataclass(frozen=True)
class Degradation:
    """One way in which the world is worse than the task says."""

    name: str
    """Bare where that is unique, else the id."""
    id: str
    summary: str
    part: Literal["camera", "body"]
    changes: Changes

    def obstacle(self, task: ResolvedTask) -> str:
        """Why it cannot be laid on a task; empty if it can."""
        if self.part == "camera" and not _sees(task):
            return "the policy has no camera"
        for path in self.changes:
            section, *rest = split_path(path) if ":" not in path else ("",)
            if section == "observations" and rest and rest[0] not in task.observations:
                return f"the task has no observation group {rest[0]!r}"
        return ""

    def over(self, changes: Changes) -> Changes:
        """What a caller changes, and this on top: what is named after it is it."""
        # Of one path, the later place counts as well as the later value.
        under = {path: value for path, value in changes.items() if path not in self.changes}
        return {**under, **self.changes}


def find_degradations(
    only: Iterable[str] = (), registry: Registry | None = None, notify: Callable[[str], None] = lambda line: None
) -> tuple[Degradation, ...]:
    """Those that are registered, the camera's first; or those named, in the order of the names.

    Args:
        only: names or ids; all when empty.
        registry: where they are looked up; what is installed when None.
        notify: told in a line of one that is left out because it is broken.

    Raises:
        UnknownNameError: one of the names is registered nowhere, or of a plugin that is broken.
        PluginError: one of those named is no mapping of paths to values.
    """
    registry = registry or default_registry()
    if names := list(dict.fromkeys(only)):
        return tuple(load_degradation(registry.get("degradation", name), registry) for name in names)
    found = []
    for item in registry.specs("degradation"):
        try:
            found.append(load_degradation(item, registry))
        except PluginError as error:
            notify(f"{item.id} is left out: {error.message}")
    return tuple(sorted(found, key=lambda each: each.part != "camera"))


def load_degradation(item: RegisteredSpec, registry: Registry) -> Degradation:
    """A registered degradation with its changes.

    Raises:
        PluginError: its target cannot be imported, is no mapping of paths to values, or changes the courses.
    """
    spec = item.spec
    assert isinstance(spec, DegradationSpec)
    changes = resolve_target(spec.target, owner=f"degradation {item.id!r}")
    if not isinstance(changes, Mapping) or not changes or not all(isinstance(path, str) for path in changes):
        got = "an empty one" if isinstance(changes, Mapping) and not changes else f"a {type(changes).__name__}"
        raise PluginError(
            f"degradation {item.id!r}: {spec.target} is {got}, expected a mapping of paths in the task to values",
            hint='{"control.action_delay": 2}',
        )
    try:
        sections = {path: path.partition(":")[0] if ":" in path else split_path(path)[0] for path in changes}
    except TaskError as error:
        raise PluginError(f"degradation {item.id!r}: {error.message}") from None
    if path := next((path for path, section in sections.items() if section in _COURSES), None):
        raise PluginError(
            f"degradation {item.id!r}: {path} changes the courses, expected those of camera or body: a loss is what a "
            "policy loses on the same courses",
            hint="a protocol says what the courses are: register_protocols",
        )
    return Degradation(registry.shortest(item), item.id, spec.summary, spec.part, changes)


def _sees(task: ResolvedTask) -> bool:
    specs = [part.spec for part in task.observations.values()]
    return any(isinstance(spec, ObservationSpec) and "depth_camera" in spec.needs for spec in specs)
