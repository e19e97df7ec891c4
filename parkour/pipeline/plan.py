"""Which stages a pipeline has, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Evaluating, Exporting, Sim2Sim, Stage
from parkour.pipeline.training import Training

WEIGHTS = "student.pt"
"""The student's networks alone, in the pipeline's folder."""
EXPORT = "exported"
"""Folder of the export there."""


def make_stages(settings: PipelineSettings) -> Sequence[Stage]:
    """The stages of a pipeline."""
    only = ["--only", ",".join(settings.degradations)] if settings.degradations else []
    teachers = _teachers(settings)
    teacher = teachers[-1].name
    conditions = [part for change in settings.teacher_conditions for part in ("--set", change)]
    return (
        *teachers,
        Evaluating("teacher-score", "teacher succeeds", settings, teacher, "teacher", more=tuple(conditions)),
        Training(
            "student", "student trains", settings, settings.student_task, settings.overlays.student,
            settings.student_changes, settings.student_minutes, teacher=teacher,
        ),
        Evaluating(
            "gauntlet", "student succeeds", settings, "student", "clean",
            more=("--protocol", "gauntlet", *only), clean="clean",
        ),
        Evaluating(
            "noisy", "student with a noisy camera succeeds", settings, "student", "noisy",
            more=("--noise", settings.noise),
        ),
        Exporting("weights", "weights alone", "weights", settings.folder / WEIGHTS, ("--half",)),
        Exporting("export", "export to ONNX", "onnx", settings.folder / EXPORT, ("--json",)),
        Sim2Sim("sim2sim", "exported student in plain MuJoCo", settings),
    )  # fmt: skip


def _teachers(settings: PipelineSettings) -> Sequence[Training]:
    """The teacher's training, where its body is randomized in two parts: first to walk, then on all that the student
    will meet.

    Randomization from the beginning costs a short training more than it brings (docs/results/pipeline.md).
    """
    task, changes, overlays = settings.teacher_task, settings.teacher_changes, settings.overlays
    left = settings.teacher_minutes - settings.first_minutes
    if not overlays.first:
        return (Training("teacher", "teacher trains", settings, task, overlays.teacher, changes, left),)
    return (
        Training("teacher", "teacher trains", settings, task, overlays.first, changes, settings.first_minutes),
        Training(
            "robust-teacher", "teacher trains on", settings, task, overlays.teacher, changes, left,
            teacher="teacher",
        ),
    )  # fmt: skip
