"""How often a command reads a checkpoint and resolves a task: once."""

from __future__ import annotations

import builtins
import io
from pathlib import Path
from typing import Any

import pytest
import torch

from parkour.policies.source import Weights
from parkour.tasks import resolve
from parkour_cli.__main__ import main
from tests.evaluation.eval_command import SMALL
from tests.evaluation.fakes import write_weights
from tests.viewing.fakes import FakeEngine


class Counted:
    """What was counted while a command ran."""

    def __init__(self) -> None:
        self.resolved: list[str | None] = []
        """The overlay of each resolution."""
        self.parsed = 0
        self.opened: list[str] = []
        """Files that were opened for reading."""


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counts = Counted()
    check, load, opened = resolve.check_task, torch.load, io.open

    def check_task(task: Any) -> None:
        counts.resolved.append(task.overlay)
        check(task)

    def torch_load(*args: Any, **kwargs: Any) -> Any:
        counts.parsed += 1
        return load(*args, **kwargs)

    def io_open(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if isinstance(file, (str, Path)) and "r" in mode:
            counts.opened.append(str(file))
        return opened(file, mode, *args, **kwargs)

    monkeypatch.setattr(resolve, "check_task", check_task)
    monkeypatch.setattr(torch, "load", torch_load)
    monkeypatch.setattr(io, "open", io_open)
    monkeypatch.setattr(builtins, "open", io_open)
    return counts


def run(*arguments: str | Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert not stop.value.code


@pytest.mark.usefixtures("gliding_engine")
@pytest.mark.parametrize("named", [[], ["go2-student"]])
def test_eval(tmp_path: Path, counted: Counted, named: list[str]) -> None:
    path = write_weights(tmp_path, task="go2-student").path
    counted.__init__()
    run("eval", *named, "--checkpoint", path, *SMALL, "--noise", "noisy", "--terrain", "gap", "--json", tmp_path / "x")
    assert counted.resolved == ["eval+noisy"]
    assert counted.parsed == 1 and counted.opened.count(str(path)) == 1


@pytest.mark.usefixtures("gliding_engine")
def test_comparing_does_it_once_for_each(weights: Weights, student: Weights, counted: Counted) -> None:
    run("eval", "--compare", weights.path, student.path, *SMALL)
    assert counted.resolved == ["eval", "eval"] and counted.parsed == 2


@pytest.mark.parametrize("command", ["play", "demo"])
def test_watching(weights: Weights, counted: Counted, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    engine = FakeEngine()
    monkeypatch.setattr("parkour.viewing.watch.choose_engine", lambda name: ("tests:fake", engine))
    run(command, "--checkpoint", weights.path, "--viewer", "web", "--steps", "3")
    assert counted.resolved == ["play"]
    assert counted.parsed == 1 and counted.opened.count(str(weights.path)) == 1


def test_export(weights: Weights, counted: Counted, tmp_path: Path) -> None:
    run("export", "jit", "--checkpoint", weights.path, "--out", tmp_path / "out", "--no-rollout")
    # As it is deployed, and as it was trained: what it was trained to withstand stands in the export.
    assert counted.resolved == ["eval", "train"]
    assert counted.parsed == 1 and counted.opened.count(str(weights.path)) == 1
