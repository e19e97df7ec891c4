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
    return (
        Training(
            "teacher", "teacher trains", settings, settings.teacher_task, settings.teacher_overlay,
            settings.teacher_changes, settings.teacher_minutes,
        ),
        Evaluating("teacher-score", "teacher succeeds", settings, "teacher", "teacher"),
        Training(
            "student", "student trains", settings, settings.student_task, settings.student_overlay,
            settings.student_changes, settings.student_minutes, teacher="teacher",
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
