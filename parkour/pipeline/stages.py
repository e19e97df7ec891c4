"""The stages: which command each is, what is read of what it wrote, and whether that is good enough."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parkour import reading
from parkour.errors import ParkourError
from parkour.pipeline.process import OUTPUT
from parkour.pipeline.record import StageRecord
from parkour.pipeline.settings import PipelineSettings
from parkour.text import counted

if TYPE_CHECKING:
    from pydantic import BaseModel

FIGURES, STAGE_PAGE = "figures.json", "report.html"
"""What evaluations write into the folder of their stage."""
Result = Mapping[str, Any]
Results = Mapping[str, Result]
"""Of the stages so far, by name."""


@dataclass(frozen=True)
class Place:
    """Where a stage works, and what came before it."""

    folder: Path
    """Of the stage."""
    before: Results


class Stage(ABC):
    """One step of the pipeline."""

    name: str
    """Of its folder, and in records."""
    what: str
    """What it does, in a few words, for the report."""

    @property
    @abstractmethod
    def result_type(self) -> type[BaseModel]:
        """What :meth:`read` returns, for records that are read again: see :mod:`parkour.pipeline.results`."""

    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """Names of the stages whose results it goes by."""

    @abstractmethod
    def command(self, place: Place) -> list[str]:
        """Arguments of ``parkour``."""

    @abstractmethod
    def read(self, place: Place) -> Result:
        """What the command wrote, as plain values."""

    def holds(self, record: StageRecord, place: Place) -> bool:
        """Whether a record is of what is wanted now."""
        return list(record.command) == self.command(place)

    def is_done(self, place: Place) -> bool:
        """Whether what the command would do is there, though no record says so."""
        return False

    def obstacle(self, result: Result) -> str:
        """Why the pipeline cannot continue with this result; empty if it can."""
        score = self.score(result)
        return "" if score is None else score.obstacle()

    def score(self, result: Result) -> Score | None:
        """What is asked of the result, if anything."""
        return None

    @property
    def planned_seconds(self) -> float:
        """Of training, in all; 0 where nobody knows how long it takes."""
        return 0.0

    def seconds_left(self, place: Place) -> float | None:
        """Of training that is still to do; None where nobody knows how long it takes."""
        return None

    def news(self, place: Place) -> str:
        """How far it is, in a few words."""
        return ""


@dataclass(frozen=True)
class Score:
    """A success rate that a stage measured, and the least that is asked of it."""

    stage: str
    """That measured it."""
    rate: float
    episodes: int
    gate: float
    option: str
    """Of the gate."""

    def obstacle(self) -> str:
        if self.rate >= self.gate:
            return ""
        return f"{self.stage}: {self.told}, expected at least {self.gate:g} (--gate {self.option})"

    @property
    def told(self) -> str:
        return f"success {self.rate:.2f} of {counted(self.episodes, 'episode')}"


@dataclass(frozen=True)
class Evaluating(Stage):
    """``parkour eval`` of the policy that a stage trained."""

    name: str
    what: str
    settings: PipelineSettings
    trained: str
    """Name of that stage."""
    gate: str
    """Field of :class:`parkour.pipeline.settings.Gates`."""
    more: tuple[str, ...] = ()
    """Further arguments."""
    clean: str | None = None
    """Where in the figures those of a perfect robot are; None: they are the figures."""

    @property
    def result_type(self) -> type[BaseModel]:
        from parkour.pipeline.results import Evaluated  # Imports pydantic, for which --help need not wait.

        return Evaluated

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.trained,)

    def command(self, place: Place) -> list[str]:
        settings, folder = self.settings, place.folder
        return [
            "eval", "--checkpoint", place.before[self.trained]["checkpoint"], *self.more,
            "--num-envs", str(settings.eval_envs), "--steps", str(settings.eval_steps), "--seed", str(settings.seed),
            *_device(settings), "--json", str(folder / FIGURES), "--html", str(folder / STAGE_PAGE),
        ]  # fmt: skip

    def read(self, place: Place) -> Result:
        figures = read_figures(place.folder / FIGURES)
        scored = figures if self.clean is None else figures[self.clean]
        degradations = {
            each["name"]: {"success": _success(each), "loss": each["loss"]["loss"], "part": each["part"]}
            for each in figures.get("degradations", ())
        }
        return {
            "success": _success(scored),
            "episodes": scored["overall"]["episodes"],
            "by_terrain": {name: _success({"overall": group}) for name, group in scored["by_terrain"].items()},
            "degradations": degradations,
            "page": str(place.folder / STAGE_PAGE),
        }

    def score(self, result: Result) -> Score:
        gate = getattr(self.settings.gates, self.gate)
        return Score(self.name, result["success"], result["episodes"], gate, self.gate)


@dataclass(frozen=True)
class Exporting(Stage):
    """``parkour export``, which compares what it writes with torch by itself."""

    name: str
    what: str
    form: str
    """``onnx`` or ``weights``."""
    out: Path
    more: tuple[str, ...] = ()

    @property
    def result_type(self) -> type[BaseModel]:
        # Imports pydantic, for which --help need not wait.
        from parkour.pipeline.results import ExportWritten, WeightsWritten

        return WeightsWritten if self.form == "weights" else ExportWritten

    @property
    def reads(self) -> tuple[str, ...]:
        return ("student",)

    def command(self, place: Place) -> list[str]:
        checkpoint = place.before["student"]["checkpoint"]
        return ["export", self.form, "--checkpoint", checkpoint, "--out", str(self.out), *self.more]

    def holds(self, record: StageRecord, place: Place) -> bool:
        written = Path(record.result["file" if self.form == "weights" else "folder"])
        return super().holds(record, place) and written.absolute() == self.out.absolute() and written.exists()

    def read(self, place: Place) -> Result:
        said = (place.folder / OUTPUT).read_text(encoding="utf-8")
        if self.form == "weights":
            return {"file": str(self.out), "megabytes": self.out.stat().st_size / 1e6}
        written = reading.parse_json(said)
        return {"folder": written["folder"], "files": written["files"], "max_error": written["max_error"]}


@dataclass(frozen=True)
class Sim2Sim(Stage):
    """``parkour sim2sim`` of the export."""

    name: str
    what: str
    settings: PipelineSettings

    @property
    def result_type(self) -> type[BaseModel]:
        from parkour.pipeline.results import Simulated  # Imports pydantic, for which --help need not wait.

        return Simulated

    @property
    def reads(self) -> tuple[str, ...]:
        return ("export",)

    def command(self, place: Place) -> list[str]:
        settings = self.settings
        return [
            "sim2sim", place.before["export"]["folder"], "--episodes", str(settings.episodes),
            "--seed", str(settings.seed), "--json", str(place.folder / FIGURES),
        ]  # fmt: skip

    def read(self, place: Place) -> Result:
        figures = read_figures(place.folder / FIGURES)
        return {
            "success": _success(figures),
            "episodes": figures["overall"]["episodes"],
            "by_terrain": {name: _success({"overall": group}) for name, group in figures["by_terrain"].items()},
            "simulator": figures["simulator"],
        }

    def score(self, result: Result) -> Score:
        return Score(self.name, result["success"], result["episodes"], self.settings.gates.sim2sim, "sim2sim")


def read_figures(path: Path) -> dict[str, Any]:
    """What a command wrote.

    Raises:
        ParkourError: it did not.
    """
    try:
        return reading.read_json(path)
    except (OSError, ValueError) as error:
        raise ParkourError(f"cannot read {path}, which a stage should have written: {error}") from error


def _success(figures: Mapping[str, Any]) -> float:
    return float(figures["overall"]["metrics"]["success"]["mean"] or 0.0)


def _device(settings: PipelineSettings) -> list[str]:
    return [] if settings.device is None else ["--device", settings.device]
