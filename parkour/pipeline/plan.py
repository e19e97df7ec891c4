"""Which stages a pipeline has, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from parkour.pipeline.conditions import teacher_conditions
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Evaluating, Exporting, Sim2Sim, Stage
from parkour.pipeline.training import Training

WEIGHTS = "student.pt"
"""The student's networks alone, in the pipeline's folder."""
EXPORT = "exported"
"""Folder of the export there."""


def make_stages(settings: PipelineSettings) -> Sequence[Stage]:
    """The stages of a pipeline.

    Raises:
        ParkourError: there are no such tasks, or a change does not fit them.
    """
    only = ["--only", ",".join(settings.degradations)] if settings.degradations else []
    teachers = _teachers(settings)
    teacher = teachers[-1].name
    return (
        *teachers,
        Evaluating(
            "teacher-score", "scores the teacher", settings, teacher, "teacher",
            more=tuple(teacher_conditions(settings)),
        ),
        Training(
            "student", "trains the student", settings, settings.student_task, settings.overlays.student,
            settings.student_changes, settings.student_minutes, teacher=teacher,
        ),
        Evaluating(
            "gauntlet", "scores the student, clean and degraded", settings, "student", "clean",
            more=("--protocol", "gauntlet", *only), clean="clean",
        ),
        Evaluating(
            "noisy", "scores the student with a noisy camera", settings, "student", "noisy",
            more=("--noise", settings.noise),
        ),
        Exporting("weights", "writes the weights alone", "weights", settings.folder / WEIGHTS, ("--half",)),
        Exporting("export", "exports to ONNX", "onnx", settings.folder / EXPORT, ("--json",)),
        Sim2Sim("sim2sim", "tries the export in plain MuJoCo", settings),
    )  # fmt: skip


def _teachers(settings: PipelineSettings) -> Sequence[Training]:
    """The teacher's training, where its body is randomized in two parts: first to walk, then on all that the student
    will meet.

    Randomization from the beginning costs a short training more than it brings (docs/results/pipeline.md).
    """
    task, changes, overlays = settings.teacher_task, settings.teacher_changes, settings.overlays
    left = settings.teacher_minutes - settings.first_minutes
    if not overlays.first:
        return (Training("teacher", "trains the teacher", settings, task, overlays.teacher, changes, left),)
    return (
        Training("teacher", "trains the teacher", settings, task, overlays.first, changes, settings.first_minutes),
        Training(
            "robust-teacher", "trains it on, under more", settings, task, overlays.teacher, changes, left,
            teacher="teacher",
        ),
    )  # fmt: skip
