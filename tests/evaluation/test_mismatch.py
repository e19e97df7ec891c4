"""``--allow-mismatch`` and ``--allow-missing``: weights under another control step, or without a plugin of theirs, are
refused, unless it is meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parkour.policies.checkpoint_file import save_checkpoint
from parkour.policies.source import Weights
from parkour.tasks.table import merge
from parkour_cli.__main__ import main
from tests.evaluation.eval_command import SMALL, command, fails
from tests.viewing.fakes import FakeEngine

LONGER = ("--set", "timing.decimation=8")
TOLD = "was trained under control step 0.02, the task has 0.04"


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, capsys.readouterr().err


@pytest.mark.usefixtures("gliding_engine")
def test_eval(weights: Weights, capsys: pytest.CaptureFixture[str]) -> None:
    told = fails(capsys, "--checkpoint", weights.path, *SMALL, *LONGER)
    assert TOLD in told and "--allow-mismatch" in told
    code, _, err = command(capsys, "--checkpoint", weights.path, *SMALL, *LONGER, "--allow-mismatch")
    assert code == 0 and TOLD in err


@pytest.mark.parametrize("name", ["play", "demo"])
def test_watching(
    weights: Weights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr("parkour.viewing.watch.choose_engine", lambda name: ("tests:fake", FakeEngine()))
    arguments = [name, "--checkpoint", weights.path, "--viewer", "web", "--steps", "3", *LONGER]
    code, err = run(capsys, *arguments)
    assert code == 1 and TOLD in err
    code, err = run(capsys, *arguments, "--allow-mismatch")
    assert code == 0 and TOLD in err


def test_train(weights: Weights, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Refused before an environment is made; what comes after that is another test's."""
    arguments = [
        "train",
        "go2-teacher",
        "--checkpoint",
        weights.path,
        "--device",
        "cpu",
        "--log-root",
        tmp_path,
        *LONGER,
    ]
    code, err = run(capsys, *arguments)
    assert code == 1 and TOLD in err and not list(tmp_path.iterdir())
    code, err = run(capsys, *arguments, "--allow-mismatch", "--engine", "none-such")
    assert code == 1 and f"warning: {weights.path.name} {TOLD}" in err and "none-such" in err


@pytest.mark.parametrize("section", ["rewards", "commands"])
@pytest.mark.parametrize("name", ["play", "demo"])
def test_watching_weights_whose_plugin_is_gone(
    weights: Weights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str,
    section: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("parkour.viewing.watch.choose_engine", lambda name: ("tests:fake", FakeEngine()))
    checkpoint, calm = weights.checkpoint, {"use": "parkour-calm:calm", "version": "0.4"}
    kind = "reward" if section == "rewards" else "command_term"
    task = merge(checkpoint.task, {section: {"calm": calm | ({"weight": -1.0} if kind == "reward" else {})}})
    save_checkpoint(tmp_path / "model_1.pt", replace(checkpoint, task=task))
    gone = f"{kind} 'calm' comes from the plugin parkour-calm 0.4, which is not installed"
    arguments = [name, "--checkpoint", tmp_path / "model_1.pt", "--viewer", "web", "--steps", "3"]
    code, err = run(capsys, *arguments)
    assert code == 1 and gone in err and "--allow-missing" in err
    code, err = run(capsys, *arguments, "--allow-missing")
    assert code == 0 and f"left out: {gone}" in err
