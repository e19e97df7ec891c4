"""Stage after stage: those that hold are kept, the others run, and a gate that fails ends it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from parkour.errors import ParkourError
from parkour.learning.run_lock import RunLock
from parkour.pipeline.page import write_page
from parkour.pipeline.plan import make_stages
from parkour.pipeline.process import CommandLine, StageStoppedError
from parkour.pipeline.record import StageRecord, read_record
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Place, Result, Stage
from parkour.storage import make_folder

PAGE = "report.html"


class Display(Protocol):
    """Told how it goes."""

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


def run_pipeline(settings: PipelineSettings, commands: CommandLine, display: Display) -> Outcome:
    """Run what is not done yet, and write the report, whatever comes of it.

    Args:
        settings: what is wanted.
        commands: how stages are started.
        display: told how it goes.

    Raises:
        ParkourError: a command failed, or a gate; the report says how far it came. Or another pipeline works in the
            folder.
        StageStoppedError: somebody stopped it; the same call goes on.
    """
    with RunLock(make_folder(settings.folder, "--out"), what="pipeline"):
        return _run_stages(settings, commands, display)


def _run_stages(settings: PipelineSettings, commands: CommandLine, display: Display) -> Outcome:
    stages, outcome = make_stages(settings), Outcome()
    try:
        for number, stage in enumerate(stages, start=1):
            outcome.obstacle = f"{stage.title}: not finished"
            folder = make_folder(settings.folder / f"{number}_{stage.name}", "--out")
            record = _run_stage(stage, number, folder, outcome, commands, display)
            outcome.records[stage.name] = record
            outcome.obstacle = stage.obstacle(record.result)
            if outcome.obstacle:
                raise ParkourError(outcome.obstacle, hint=_hint(stages, number))
    except (ParkourError, StageStoppedError) as error:
        if isinstance(error, ParkourError):
            outcome.obstacle = error.message
        raise
    finally:
        display.report(write_page(settings.folder / PAGE, settings, stages, outcome.records, outcome.obstacle))
    return outcome


def _run_stage(
    stage: Stage, number: int, folder: Path, outcome: Outcome, commands: CommandLine, display: Display
) -> StageRecord:
    """The record of a stage: the one that is there, if it is of what is wanted and of what came before it."""
    place = outcome.place(folder)
    inputs = {name: outcome.records[name].digest(folder.parent) for name in stage.reads}
    record = read_record(folder, stage.result_type)
    if record is not None and record.inputs == inputs and stage.holds(record, place):
        display.end(number, stage, record.result, True)
        return record
    display.begin(number, stage, place)
    command, begin = stage.command(place), time.monotonic()
    if not stage.is_done(place):
        commands.run(command, folder, lambda: display.tick(stage, place))
    record = StageRecord(stage.name, tuple(command), inputs, stage.read(place), time.monotonic() - begin)
    record.write(folder)
    display.end(number, stage, record.result, False)
    return record


def _hint(stages: Sequence[Stage], number: int) -> str:
    left = ", ".join(stage.name for stage in stages[number:])
    then = f"then {left} follow" if left else "then it is done"
    return f"the same command with more --minutes, or a lower --gate, goes on from here; {then}"
