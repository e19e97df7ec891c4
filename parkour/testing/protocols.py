"""Checks of protocols: are they protocols, and do tasks resolve under them?"""

from __future__ import annotations

from parkour.errors import ParkourError
from parkour.evaluation.protocol import load_protocol
from parkour.tasks import load_task
from parkour.testing.subject import NotChecked, Subject, expect

TASKS = ("go2-teacher", "go2-student")
"""Tasks that a protocol is tried on."""


def says_how_to_try(subject: Subject) -> str:
    """Its target is a protocol whose numbers can be."""
    protocol = load_protocol(subject.registered, subject.registry)
    expect(protocol.columns_per_terrain >= 1, f"columns_per_terrain: got {protocol.columns_per_terrain}, expected 1")
    if protocol.difficulty is not None:
        low, high = protocol.difficulty
        expect(0.0 <= low <= high <= 1.0, f"difficulty: got {protocol.difficulty}, expected a range within 0 to 1")
    return ", ".join(protocol.changes) or "no changes"


def fits_a_task(subject: Subject) -> str:
    """Laid over a built-in task, it resolves, and no episode changes the levels by itself."""
    protocol = load_protocol(subject.registered, subject.registry)
    fitting, refused = [], []
    for name in TASKS:
        try:
            task = load_task(name, overlay=protocol.overlay, changes=protocol.changes, registry=subject.registry)
        except ParkourError as error:
            refused.append(f"{name}: {error.message}")
            continue
        expect(
            not task.model.course.curriculum,
            "the curriculum moves robots between levels: set course.curriculum = False, or give up comparing policies",
        )
        fitting.append(name)
    if not fitting:
        raise NotChecked(f"it is for other tasks than the built-in ones: {'; '.join(refused)}")
    return ", ".join(fitting)


CHECKS = (says_how_to_try, fits_a_task)
