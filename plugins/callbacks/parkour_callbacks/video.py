"""A film at the end."""

from __future__ import annotations

from parkour import Training, TrainingCallback
from parkour.learning.video import film


class Video(TrainingCallback):
    """Ten seconds of the policy, in ``videos/`` of the run folder, where the engine gives pictures."""

    def on_end(self, training: Training) -> None:
        if training.failed:
            return
        path = training.run / "videos" / f"model_{training.iteration}"
        with training.acting() as policy:
            film(training.env, policy, training.task.model.step_dt, path, training.notify)
