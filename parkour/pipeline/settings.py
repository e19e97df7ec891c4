"""What a pipeline is asked for."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from parkour.arguments import instance, number_within, place, real, seed_number, texts, whole
from parkour.errors import ParkourError
from parkour.tasks.change_text import read_settings
from parkour.tasks.changes import Changes

DEGRADATIONS = (
    "half_frames", "range_noise", "blind_nearby", "narrow_view", "mounting", "late_frames", "slippery_payload",
    "pushes", "blank_camera",
)  # fmt: skip
"""What the gauntlet tries unless told otherwise: one of each kind, so that it takes minutes."""


MOST_MINUTES = 1e6
"""Two years."""


@dataclass(frozen=True)
class Gates:
    """Success rates below which the pipeline stops."""

    teacher: float = 0.85
    clean: float = 0.7
    """Of the student, on a perfect robot."""
    noisy: float = 0.6
    """With the noise of a real camera."""
    sim2sim: float = 0.7
    """Of the exported student, outside its simulator."""

    def __post_init__(self) -> None:
        for each in fields(self):
            option = f"--gate {each.name}"
            rate = real(option, getattr(self, each.name))
            number_within(option, rate, 0.0, 1.0)
            object.__setattr__(self, each.name, rate)

    @classmethod
    def read(cls, texts: Iterable[str]) -> Gates:
        """From ``NAME=RATE``.

        Raises:
            ParkourError: no such gate, or no rate.
        """
        known, found = [each.name for each in fields(cls)], {}
        for text in texts:
            name, _, value = text.partition("=")
            if name not in known:
                raise ParkourError(f"--gate: got {text!r}, expected NAME=RATE, NAME one of {', '.join(known)}")
            found[name] = _rate(text, value)
        return cls(**found)


def _rate(text: str, value: str) -> float:
    try:
        rate = float(value)
    except ValueError:
        rate = math.nan
    if not 0.0 <= rate <= 1.0:
        raise ParkourError(f"--gate: got {text!r}, expected a rate from 0 to 1", hint="--gate teacher=0.8")
    return rate


def _plainly_a_path(folder: Path) -> Path:
    """``folder``, absolute where what lies in it would begin with a dash, which commands take for an option, or not
    with the folder's name, by which records tell that it is in there.

    Raises:
        ParkourError: the name is no UTF-8, as the report and what commands say is.
    """
    if not os.fsencode(folder).decode("utf-8", "ignore") == os.fspath(folder):
        raise ParkourError(f"folder: got {os.fspath(folder)!r}, expected a name in UTF-8")
    return folder.absolute() if not folder.parts or folder.parts[0].startswith("-") else folder


def _option(name: str) -> str:
    """Of the command, for a setting."""
    return "--" + name.replace("_", "-")


class Overlays(NamedTuple):
    """What the tasks are trained under, after ``train``."""

    first: str
    """Of the teacher's first part; empty: there is one part."""
    teacher: str
    student: str


# What each makes in how many minutes: docs/results/pipeline.md.
CAMERA_ALONE = Overlays("", "pipeline", "fast+compact+pipeline+robust+nominal-body")
WITH_BODY = Overlays("pipeline", "pipeline+finetune+robust", "fast+compact+pipeline+robust")


@dataclass(frozen=True)
class PipelineSettings:
    """What is to be made, and how it is measured."""

    name: str
    """Its tasks are ``<name>-teacher`` and ``<name>-student``."""
    folder: Path = Path()
    """Of everything that is written."""
    minutes: float = 15.0
    """Of training, teacher and student together; measuring takes a few more."""
    teacher_share: float = 0.33
    """Of these minutes."""
    gpus: int = 1
    device: str | None = None
    num_envs: int | None = None
    """Parallel environments of each training process; None: the tasks'."""
    seed: int = 1
    body: bool = False
    """Whether friction, payload, motors and delays are randomized beyond what the tasks do, not camera and sensors
    alone. The teacher has to know them first, at the expense of obstacles where minutes are few."""
    first_overlay: str | None = None
    """Of the teacher's task, for the first part of its minutes; empty: there is one part, all under the other one.
    None, of these three: what :attr:`body` asks for."""
    first_share: float = 0.65
    """Of the teacher's minutes."""
    teacher_overlay: str | None = None
    student_overlay: str | None = None
    teacher_changes: tuple[str, ...] = ()
    """``PATH=VALUE`` of the teacher's task."""
    student_changes: tuple[str, ...] = ()
    noise: str = "noisy"
    """Overlay of the student's task under which it is scored as noisy."""
    degradations: tuple[str, ...] = DEGRADATIONS
    """Of the gauntlet; all that are installed when empty."""
    eval_envs: int = 256
    eval_steps: int = 1500
    episodes: int = 10
    """Of sim2sim, on each terrain."""
    gates: Gates = field(default_factory=Gates)

    def __post_init__(self) -> None:
        for name, value in self._of_their_kinds().items():
            object.__setattr__(self, name, value)
        for name in ("minutes", "teacher_share", "first_share"):
            value = getattr(self, name)
            if not value > 0.0 or not math.isfinite(value):
                raise ParkourError(f"{_option(name)}: got {value:g}, expected more than 0")
        if self.minutes > MOST_MINUTES:
            raise ParkourError(f"--minutes: got {self.minutes:g}, expected at most {MOST_MINUTES:,.0f}")
        for name in ("teacher_share", "first_share"):
            if not getattr(self, name) < 1.0:
                raise ParkourError(f"{_option(name)}: got {getattr(self, name):g}, expected less than 1")

    def _of_their_kinds(self) -> dict[str, Any]:
        """The settings as plain values, whatever Python callers gave: they become commands and a report."""
        found: dict[str, Any] = {"folder": _plainly_a_path(place("folder", self.folder))}
        for name in ("name", "noise"):
            instance(name, getattr(self, name), str)
        for name in ("device", "first_overlay", "teacher_overlay", "student_overlay"):
            if getattr(self, name) is not None:
                instance(name, getattr(self, name), str)
        instance("body", self.body, bool)
        instance("gates", self.gates, Gates)
        for name in ("teacher_changes", "student_changes", "degradations"):
            found[name] = texts(name, getattr(self, name))
        for name in ("minutes", "teacher_share", "first_share"):
            found[name] = real(_option(name), getattr(self, name))
        for name in ("gpus", "eval_envs", "eval_steps", "episodes"):
            found[name] = whole(_option(name), getattr(self, name), 1)
        if self.num_envs is not None:
            found["num_envs"] = whole("--num-envs", self.num_envs, 1)
        return {**found, "seed": seed_number("--seed", self.seed)}

    @property
    def teacher_task(self) -> str:
        return f"{self.name}-teacher"

    @property
    def student_task(self) -> str:
        return f"{self.name}-student"

    def changes(self) -> tuple[Changes, Changes]:
        """Those of the teacher's and of the student's task, as values by their paths.

        Raises:
            TaskError: one of them is malformed.
        """
        return read_settings(self.teacher_changes, "--teacher-set"), read_settings(
            self.student_changes, "--student-set"
        )

    @property
    def overlays(self) -> Overlays:
        """Those asked for, or what goes with :attr:`body`."""
        usual = WITH_BODY if self.body else CAMERA_ALONE
        asked = (self.first_overlay, self.teacher_overlay, self.student_overlay)
        return Overlays(*(one if own is None else own for own, one in zip(asked, usual, strict=True)))

    @property
    def teacher_minutes(self) -> float:
        return self.minutes * self.teacher_share

    @property
    def first_minutes(self) -> float:
        """Of the teacher's, for its first part."""
        return self.teacher_minutes * self.first_share if self.overlays.first else 0.0

    @property
    def student_minutes(self) -> float:
        return self.minutes - self.teacher_minutes

    def as_dict(self) -> Mapping[str, Any]:
        """For the report: plain values by name."""
        gates = {each.name: getattr(self.gates, each.name) for each in fields(Gates)}
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**own, "folder": str(self.folder), "gates": gates}
