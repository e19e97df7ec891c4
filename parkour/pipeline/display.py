"""What a person sees of a pipeline: a line for each stage, and how far the present one is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from parkour.pipeline.page import described
from parkour.pipeline.stages import Place, Result, Stage

QUIET = 60.0
"""Between lines of progress where there is no terminal [s]."""


class ConsoleDisplay:
    """Lines on a console; on a terminal the last one is alive.

    Args:
        console: to write on.
        root: of its folder.
        clock: seconds.
    """

    def __init__(self, console: Console, root: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._root, self._clock = console, root, clock
        self._stages: Sequence[Stage] = ()
        self._status = console.status("")
        self._begun = self._told = clock()

    def start(self, stages: Sequence[Stage]) -> None:
        self._stages = stages

    def aside(self, place: Path) -> None:
        self._say(f"weights and export of before, of other settings or behind a gate that fails now: moved to {place}")

    def begin(self, number: int, stage: Stage, place: Place) -> None:
        self._begun = self._told = self._clock()
        if self._console.is_terminal:
            self._status.start()
        else:
            self._say(f"{self._place(number, stage)}: begins")

    def tick(self, stage: Stage, place: Place) -> None:
        now = self._clock()
        if self._console.is_terminal:
            self._status.update(self._news(stage, place))
        elif now - self._told >= QUIET:
            self._told = now
            self._say(self._news(stage, place))

    def end(self, number: int, stage: Stage, result: Result, kept: bool) -> None:
        self._status.stop()
        took = "as it was" if kept else f"after {_span(self._clock() - self._begun)}"
        self._say(f"{self._place(number, stage)}: {described(self._root, result)}, {took}")

    def report(self, page: Path) -> None:
        self._status.stop()
        self._say(f"report: {page}")

    def _news(self, stage: Stage, place: Place) -> str:
        """The stage, how long it has taken, and how much training is left in all."""
        number = 1 + [each.name for each in self._stages].index(stage.name)
        parts = [f"{self._place(number, stage)}: {_span(self._clock() - self._begun)}", stage.news(place)]
        left = stage.seconds_left(place)
        if left is not None:
            parts.append(f"{_span(left)} left")
        if later := sum(each.planned_seconds for each in self._stages[number:]):
            parts.append(f"then {_span(later)} of training")
        return ", ".join(part for part in parts if part)

    def _place(self, number: int, stage: Stage) -> str:
        return f"[{number}/{len(self._stages)}] {stage.name}"

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
