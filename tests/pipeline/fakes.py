"""A pipeline whose commands are :mod:`tests.pipeline.fake_parkour`."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from parkour.pipeline.process import CommandLine
from parkour.pipeline.run import Outcome, run_pipeline
from parkour.pipeline.settings import PipelineSettings
from parkour.pipeline.stages import Place, Result, Stage

ROOT = Path(__file__).parents[2]
RATES = {"teacher": 0.95, "clean": 0.85, "noisy": 0.8, "sim2sim": 0.9}
NAMES = ["teacher", "teacher-score", "student", "gauntlet", "noisy", "weights", "export", "sim2sim"]
DONE = [["train", "go2-teacher"], ["eval"], ["train", "go2-student"], ["eval"], ["eval"], ["export", "weights"],
        ["export", "onnx"], ["sim2sim"]]  # fmt: skip
FAKE = CommandLine("tests.pipeline.fake_parkour")


class Notes:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, bool]] = []
        self.pages: list[Path] = []
        self.put_aside: list[Path] = []

    def start(self, stages: Sequence[Stage]) -> None: ...

    def aside(self, place: Path) -> None:
        self.put_aside.append(place)

    def begin(self, number: int, stage: Stage, place: Place) -> None: ...

    def tick(self, stage: Stage, place: Place) -> None: ...

    def end(self, number: int, stage: Stage, result: Result, kept: bool) -> None:
        self.ended.append((stage.name, kept))

    def report(self, page: Path) -> None:
        self.pages.append(page)

    def first_made(self) -> str:
        """Name of the first stage that was not kept."""
        return next(name for name, kept in self.ended if not kept)


class Fake:
    """The pipeline, and what its commands are to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = PipelineSettings("go2", folder / "out", minutes=15.0, teacher_changes=("course.levels=4",))
        self.orders: dict[str, Any] = dict(RATES)

    def run(self, **changes: Any) -> tuple[Outcome, Notes]:
        (self.folder / "orders.json").write_text(json.dumps(self.orders), encoding="utf-8")
        notes = Notes()
        return run_pipeline(replace(self.settings, **changes), FAKE, notes), notes

    def calls(self) -> list[list[str]]:
        path = self.folder / "calls.jsonl"
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        path.unlink(missing_ok=True)
        return found

    def report(self) -> str:
        return (self.settings.folder / "report.html").read_text(encoding="utf-8")


def option(call: list[str], name: str) -> str:
    return call[call.index(name) + 1]


def begins(calls: list[list[str]]) -> list[list[str]]:
    """Of each call the part that says what it does."""
    return [call[: len(start)] for call, start in zip(calls, DONE, strict=True)]


def links(page: Path) -> list[Path]:
    """What the page links to, as a browser finds it."""
    found = re.findall(r'href="([^"]*)"', page.read_text(encoding="utf-8"))
    return [page.parent / unquote(html.unescape(each)) for each in found]
