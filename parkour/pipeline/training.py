"""The stages that train: for some minutes, going on where they were stopped."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parkour.errors import CheckpointError
from parkour.pipeline.record import StageRecord, seen_from
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Place, Result, Stage

if TYPE_CHECKING:
    from pydantic import BaseModel

SAVE_INTERVAL = 50
"""Iterations between checkpoints: what a machine that is lost costs at most."""
SEARCHED = 1 << 22
"""Bytes at the end of ``metrics.jsonl`` that hold what was written since the last checkpoint, and more."""
NEAR = 0.03
"""Share of the minutes that a run may lack and still counts as whole: it ends with an iteration."""


@dataclass(frozen=True)
class Training(Stage):
    """``parkour train`` of a task."""

    name: str
    what: str
    settings: PipelineSettings
    task: str
    overlay: str
    changes: tuple[str, ...]
    minutes: float
    teacher: str = ""
    """Name of the stage whose weights come first: the student's teacher, or what the teacher goes on from; or none."""

    @property
    def result_type(self) -> type[BaseModel]:
        from parkour.pipeline.results import Trained  # Imports pydantic, for which --help need not wait.

        return Trained

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.teacher,) if self.teacher else ()

    def command(self, place: Place) -> list[str]:
        run = self._run(place)
        gpus = ["--gpus", str(self.settings.gpus)]
        if run is None or self._is_whole(run):  # Of one that is whole: how it is made from nothing.
            begin = ["train", *self._wanted(place), "--log-root", str(self._runs(place))]
            return [*begin, *gpus, *_limit(60.0 * self.minutes)]
        return ["train", "--resume", "--run", str(run), *gpus, *_limit(self._lacks(run))]

    def _wanted(self, place: Place) -> list[str]:
        """What is trained, however long and on however many GPUs."""
        settings = self.settings
        more = [] if settings.num_envs is None else ["--num-envs", str(settings.num_envs)]
        more += [] if settings.device is None else ["--device", settings.device]
        more += ["--checkpoint", place.before[self.teacher]["checkpoint"]] if self.teacher else []
        overlay = ["--overlay", self.overlay] if self.overlay else []
        changes = [part for change in self.changes for part in ("--set", change)]
        return [
            self.task, *overlay, *more, "--seed", str(settings.seed), "--save-interval", str(SAVE_INTERVAL), *changes
        ]  # fmt: skip

    def _runs(self, place: Place) -> Path:
        """Where the runs of exactly this are: what is asked for anew never goes on from something else."""
        wanted = seen_from(place.folder.parent, self._wanted(place))
        digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
        return place.folder / f"runs-{digest[:8]}"

    def _run(self, place: Place) -> Path | None:
        """The run that is there, with a checkpoint to go on from."""
        # Imports torch, for which --help need not wait.
        from parkour.policies.checkpoint_folder import find_run

        return find_run([self._runs(place) / "rsl_rl" / self.task])

    def holds(self, record: StageRecord, place: Place) -> bool:
        run, checkpoint = self._run(place), Path(record.result["checkpoint"])
        return run is not None and checkpoint.parent == run and checkpoint.is_file() and self._is_whole(run)

    def is_done(self, place: Place) -> bool:
        """A second more would make another policy of it, and all that follows would have to be made anew."""
        run = self._run(place)
        return run is not None and self._is_whole(run)

    def _is_whole(self, run: Path) -> bool:
        return self._lacks(run) <= 60.0 * NEAR * self.minutes

    def _lacks(self, run: Path) -> float:
        """Seconds of training that the run's last checkpoint lacks: what came after it is lost with its machine."""
        return self._left_after(saved_metrics(run))

    def read(self, place: Place) -> Result:
        # Imports torch, for which --help need not wait.
        from parkour.policies.checkpoint_folder import newest_checkpoint

        run = self._run(place)
        if run is None:
            raise CheckpointError(f"training left no checkpoint in {self._runs(place)}", hint=f"read {place.folder}")
        last = saved_metrics(run)
        return {
            "checkpoint": str(newest_checkpoint(run)),
            "run": str(run),
            "iterations": last.get("iteration", 0),
            "control_steps": last.get("total_steps", 0),
            "minutes": _trained_seconds(last) / 60.0,
        }

    @property
    def planned_seconds(self) -> float:
        return 60.0 * self.minutes

    def seconds_left(self, place: Place) -> float:
        return self._left(_newest_folder(self._runs(place) / "rsl_rl" / self.task))

    def _left(self, run: Path | None) -> float:
        """Seconds of training that ``run`` lacks, if it goes on."""
        return self._left_after({} if run is None else last_metrics(run))

    def _left_after(self, metrics: Mapping[str, Any]) -> float:
        return max(60.0 * self.minutes - _trained_seconds(metrics), 0.0)

    def news(self, place: Place) -> str:
        run = _newest_folder(self._runs(place) / "rsl_rl" / self.task)
        last = {} if run is None else last_metrics(run)
        if "iteration" not in last:
            return "preparing"
        success = last.get("Episode/success")
        more = f", success {success:.2f} in training" if isinstance(success, (int, float)) else ""
        return f"iteration {last['iteration']}{more}"


def _limit(seconds: float) -> list[str]:
    return ["--time-limit", f"{max(seconds, 1.0) / 60.0:.4g}"]


def _newest_folder(experiment: Path) -> Path | None:
    # Imports torch, for which --help need not wait.
    from parkour.policies.checkpoint_folder import runs_of

    return next(reversed(runs_of([experiment])), None)


def _trained_seconds(metrics: Mapping[str, Any]) -> float:
    minutes = metrics.get("Perf/total_minutes")
    return 60.0 * float(minutes) if isinstance(minutes, (int, float)) and math.isfinite(minutes) else 0.0


def last_metrics(run: Path) -> dict[str, Any]:
    """See :func:`parkour.learning.runs.last_metrics`."""
    # Imports torch, for which --help need not wait.
    from parkour.learning import runs

    return runs.last_metrics(run)


def saved_metrics(run: Path) -> dict[str, Any]:
    """The line of the last checkpoint of a run; empty when there is none."""
    # Imports torch, for which --help need not wait.
    from parkour.learning import runs
    from parkour.policies.checkpoint_folder import iteration_of, newest_checkpoint

    return runs.last_metrics(run, tail=SEARCHED, until=iteration_of(newest_checkpoint(run)))
