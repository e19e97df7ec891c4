"""What a stage would find wrong, found before the first one begins."""

from __future__ import annotations

from collections.abc import Sequence

from parkour.arguments import whole
from parkour.errors import ParkourError
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Stage
from parkour.pipeline.training import Training
from parkour.tasks.change_text import read_settings


def check_settings(settings: PipelineSettings, stages: Sequence[Stage]) -> None:
    """Whether what is asked for can be trained and scored, on this machine.

    Raises:
        ParkourError: it cannot.
    """
    # Imports torch, for which --help need not wait.
    from parkour.engines.device import choose_device
    from parkour.evaluation.evaluate import MOST_ENVS, MOST_STEPS
    from parkour.learning.launch import wants_processes
    from parkour.learning.options import TrainOptions
    from parkour.learning.plan import check_options as check_training

    for each in stages:
        if isinstance(each, Training):
            _check_training(each)
    _check_scoring(settings)
    wants_processes(settings.gpus, settings.device)
    choose_device(settings.device)
    check_training(TrainOptions(seed=settings.seed), "teacher")
    whole("--eval-envs", settings.eval_envs, 1, MOST_ENVS)
    whole("--eval-steps", settings.eval_steps, 1, MOST_STEPS)


def _check_training(stage: Training) -> None:
    """Whether its task can be had under its overlays and changes, and trained."""
    from parkour.engines.choice import choose_num_envs
    from parkour.policies.definition import define_training
    from parkour.tasks import load_task

    overlay = "+".join(filter(None, ("train", stage.overlay)))
    task = load_task(stage.task, overlay=overlay, changes=read_settings(stage.changes))
    define_training(task)
    choose_num_envs(stage.settings.num_envs, task, "cpu")


def _check_scoring(settings: PipelineSettings) -> None:
    """Whether the student's task has what it is to be scored under."""
    from parkour.evaluation.degradations import find_degradations
    from parkour.evaluation.protocol import check_noise
    from parkour.registry import default_registry
    from parkour.tasks import load_task
    from parkour.tasks.document import read_task

    check_noise(read_task(settings.student_task, default_registry())[0], settings.noise)
    _, changes = settings.changes()
    clean = load_task(settings.student_task, overlay="eval", changes=changes)
    if not settings.degradations:
        return  # Of all, the gauntlet leaves out what cannot be laid on the task.
    for each in find_degradations(settings.degradations):
        if reason := each.obstacle(clean):
            raise ParkourError(f"--degradation {each.name}: {reason}", hint=f"parkour plugins show {each.id}")
        load_task(settings.student_task, overlay="eval", changes=each.over(changes))
