"""Checks of degradations: can they be laid on the tasks that are there, and do they change anything?"""

from __future__ import annotations

from parkour.errors import ParkourError
from parkour.evaluation.degradations import load_degradation
from parkour.specs import DegradationSpec
from parkour.tasks import ResolvedTask, load_task
from parkour.testing.subject import NotChecked, Subject, expect

TASKS = {"camera": ("go2-student",), "body": ("go2-teacher", "go2-student")}
"""Tasks that a degradation is tried on, by its part."""


def says_what_it_changes(subject: Subject) -> str:
    """Its target is a mapping of changes: dotted paths and components to values."""
    return ", ".join(load_degradation(subject.registered, subject.registry).changes)


def changes_a_task(subject: Subject) -> str:
    """Laid on a built-in task under its overlay eval, it resolves and changes it."""
    assert isinstance(subject.spec, DegradationSpec)
    changes = load_degradation(subject.registered, subject.registry).changes
    changed, same, refused = [], [], []
    for name in TASKS[subject.spec.part]:
        clean = load_task(name, overlay="eval", registry=subject.registry)
        try:
            degraded = load_task(name, overlay="eval", changes=changes, registry=subject.registry)
        except ParkourError as error:
            refused.append(f"{name}: {error.message}")
            continue
        (changed if _numbers(degraded) != _numbers(clean) else same).append(name)
    if not changed and not same:
        raise NotChecked(f"it is for other tasks than the built-in ones: {'; '.join(refused)}")
    expect(changed, f"it changes nothing of {' and '.join(same)}")
    return ", ".join(changed)


def _numbers(task: ResolvedTask) -> object:
    """What is simulated, without the record of what was changed."""
    parts = (task.events, task.observations, *task.modifiers.values(), task.terrains, task.rewards, task.terminations)
    return task.model.model_dump(exclude={"events", "observations"}), [
        {key: (part.id, part.params) for key, part in group.items()} for group in parts
    ]


CHECKS = (says_what_it_changes, changes_a_task)
