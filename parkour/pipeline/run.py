"""Stage after stage: those that hold are kept, the others run, and a gate that fails ends it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from parkour.errors import ParkourError
from parkour.learning.run_lock import RunLock
from parkour.pipeline.check import check_settings
from parkour.pipeline.earlier import PAGE, set_aside
from parkour.pipeline.made import made_here
from parkour.pipeline.page import write_page
from parkour.pipeline.plan import make_stages
from parkour.pipeline.process import CommandLine, StageStoppedError
from parkour.pipeline.record import StageRecord, read_record
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Place, Result, Stage
from parkour.quick_imports import uncollected
from parkour.stages import stage as naming
from parkour.storage import make_folder


class Display(Protocol):
    """Told how it goes."""

    def start(self, stages: Sequence[Stage]) -> None: ...

    def aside(self, place: Path) -> None:
        """Results of before, which are not those of what is asked for now, are there."""
        ...

    def begin(self, number: int, stage: Stage, place: Place) -> None: ...

    def tick(self, stage: Stage, place: Place) -> None: ...

    def end(self, number: int, stage: Stage, result: Result, kept: bool) -> None: ...

    def report(self, page: Path) -> None: ...


class Silence:
    """Nobody is told."""

    def start(self, stages: Sequence[Stage]) -> None: ...

    def aside(self, place: Path) -> None: ...

    def begin(self, number: int, stage: Stage, place: Place) -> None: ...

    def tick(self, stage: Stage, place: Place) -> None: ...

    def end(self, number: int, stage: Stage, result: Result, kept: bool) -> None: ...

    def report(self, page: Path) -> None: ...


@dataclass
class Outcome:
    """How far a pipeline came."""

    records: dict[str, StageRecord] = field(default_factory=dict)
    """Of the stages that were run to their end, by name."""
    obstacle: str = ""
    """Why it ended before the last; empty if it did not."""

    def place(self, folder: Path) -> Place:
        return Place(folder, {name: record.result for name, record in self.records.items()})


def run_pipeline(
    settings: PipelineSettings, commands: CommandLine | None = None, display: Display | None = None
) -> Outcome:
    """Run what is not done yet, and write the report, whatever comes of it.

    Args:
        settings: what is wanted.
        commands: how stages are started; as ``parkour`` when None.
        display: told how it goes; nobody when None.

    Raises:
        ParkourError: what is wanted cannot be, and nothing was written; a command failed, or a gate, and the report
            says how far it came; or another pipeline works in the folder.
        StageStoppedError: somebody stopped it; the same call goes on.
    """
    with naming("loading"), uncollected():
        stages = make_stages(settings)
        check_settings(settings, stages)
    display = display or Silence()
    display.start(stages)
    with RunLock(make_folder(settings.folder, "--out"), what="pipeline"):
        return _Run(settings, stages, commands or CommandLine(), display).go()


@dataclass(frozen=True)
class _Run:
    """One call, with the folder of the pipeline to itself."""

    settings: PipelineSettings
    stages: Sequence[Stage]
    commands: CommandLine
    display: Display
    outcome: Outcome = field(default_factory=Outcome)

    def go(self) -> Outcome:
        root, outcome = self.settings.folder, self.outcome
        try:
            if place := set_aside(root, self.stages, self._holding()):
                self.display.aside(place)
            for number, stage in enumerate(self.stages, start=1):
                outcome.obstacle = f"{stage.name}: not finished"
                outcome.records[stage.name] = record = self._record(number, stage)
                outcome.obstacle = stage.obstacle(record.result)
                if outcome.obstacle:
                    raise ParkourError(outcome.obstacle, hint=_hint(self.stages, number))
        except (ParkourError, StageStoppedError) as error:
            if isinstance(error, ParkourError):
                outcome.obstacle = error.message
            raise
        finally:
            page = write_page(root / PAGE, self.settings, self.stages, outcome.records, outcome.obstacle)
            self.display.report(page)
        return outcome

    def _holding(self) -> int:
        """How many stages need not be run and pass their gates, from the first on."""
        for number, stage in enumerate(self.stages, start=1):
            record = self._present(stage, self._folder(number, stage))
            if record is None or stage.obstacle(record.result):
                return number - 1
            self.outcome.records[stage.name] = record
        return len(self.stages)

    def _record(self, number: int, stage: Stage) -> StageRecord:
        """That of what is there, or of what the stage's command makes."""
        folder = make_folder(self._folder(number, stage), "--out")
        kept = self.outcome.records.get(stage.name) or self._present(stage, folder)
        record = kept or self._make(number, stage, folder)
        self.display.end(number, stage, record.result, kept is not None)
        return record

    def _present(self, stage: Stage, folder: Path) -> StageRecord | None:
        """The record of what is there, if it is of what is wanted and of what came before it."""
        place, inputs = self.outcome.place(folder), self._inputs(stage)
        record = read_record(folder, stage.result_type)
        if record is not None and record.inputs == inputs and stage.holds(record, place):
            return record
        if not stage.is_done(place):
            return None
        record = StageRecord(stage.name, tuple(stage.command(place)), inputs, stage.read(place), seconds=0.0)
        record.write(folder)
        return record

    def _make(self, number: int, stage: Stage, folder: Path) -> StageRecord:
        place = self.outcome.place(folder)
        self.display.begin(number, stage, place)
        command, begin, made = stage.command(place), time.monotonic(), made_here(self.settings)
        self.commands.run(command, folder, lambda: self.display.tick(stage, place))
        seconds = time.monotonic() - begin
        record = StageRecord(stage.name, tuple(command), self._inputs(stage), stage.read(place), seconds, made)
        record.write(folder)
        return record

    def _inputs(self, stage: Stage) -> dict[str, str]:
        """Digests of what a stage reads, by name."""
        return {name: self.outcome.records[name].digest(self.settings.folder) for name in stage.reads}

    def _folder(self, number: int, stage: Stage) -> Path:
        return self.settings.folder / f"{number}_{stage.name}"


def _hint(stages: Sequence[Stage], number: int) -> str:
    left = ", ".join(stage.name for stage in stages[number:])
    then = f"then {left} follow" if left else "then it is done"
    return f"the same command with more --minutes, or a lower --gate, goes on from here; {then}"
